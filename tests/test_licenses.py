"""Whatever visus ships and stands on has a license that is known, and the page names it."""

from docs import make_licenses


def test_no_license_is_unknown_and_the_page_names_all() -> None:
    page = make_licenses.PAGE.read_text(encoding="utf-8")
    for title, packages in make_licenses.tables().items():
        assert f"## {title}\n" in page
        for package, license in packages.items():
            assert license != make_licenses.UNKNOWN, package
    light = make_licenses.tables()["pip install visus"]
    assert len(light) > 20
    assert all(f"| {package} |" in page for package in light)
    assert not [package for package, license in light.items() if "GPL" in license or "ropriet" in license]
