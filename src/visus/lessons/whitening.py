"""Preprocessing of pictures: centering, scaling, decorrelating and whitening, on handwritten digits."""

from visus.data import preprocess
from visus.images import plots
from visus.lessons import practice
from visus.lessons.sheet import Drawn, Say, show_pixels

KINDS: tuple[preprocess.Kind, ...] = ("none", "mean_picture", "zscore", "pca", "pca_whiten", "zca_whiten")
EPSILON = 1e-2


def draw(say: Say) -> Drawn:
    """A digit as a network sees it after each preprocessing, and below it how its pixels vary together."""
    x, _, _, _ = practice.digits()
    pictures = (127.5 * (x + 1)).round().byte()  # (N, 1, 8, 8)
    titles = {
        "none": say("values in [0, 1]", "取值 [0, 1]"),
        "mean_picture": say("less the mean picture", "减去均值图"),
        "zscore": say("z-score", "标准化"),
        "pca": say("PCA: decorrelated", "PCA：去相关"),
        "pca_whiten": say("PCA whitening", "PCA 白化"),
        "zca_whiten": say("ZCA whitening", "ZCA 白化"),
    }
    figure = plots.figure(14, 5.4)
    axes = plots.axes(figure, 2, len(KINDS))
    means, off, spreads = {}, {}, {}
    for k, kind in enumerate(KINDS):
        seen = preprocess.fit(kind, [pictures], epsilon=EPSILON)(pictures).flatten(1).double()  # (N, 64)
        covariance = (seen - seen.mean(0)).T @ (seen - seen.mean(0)) / len(seen)
        variances = covariance.diagonal()
        means[kind] = float(seen.mean(0).abs().max())
        off[kind] = float((covariance - covariance.diagonal().diag()).abs().max() / variances.max())
        spreads[kind] = float(variances.max())
        reach = float(seen[3].abs().max())
        show_pixels(axes[k], seen[3].view(8, 8).numpy(), titles[kind], cmap="RdBu", vmin=-reach, vmax=reach)
        most = float(covariance.abs().max())
        show_pixels(axes[k + len(KINDS)], covariance.numpy(), "", cmap="RdBu", vmin=-most, vmax=most)
    axes[0].set_ylabel(say("a digit", "一个数字"), fontsize=9)
    axes[len(KINDS)].set_ylabel(say("covariance, 64 x 64", "协方差，64 x 64"), fontsize=9)
    return Drawn(
        figure,
        {"largest_mean": means, "off_diagonal": off, "largest_variance": spreads},
        (
            (
                "Less the mean picture, each pixel has mean 0; z-score takes one mean and one deviation for all. "
                f"Neighbors still vary together: off the diagonal the covariance reaches {off['zscore']:.2f} of its "
                "largest variance.",
                "减去均值图后每个像素均值为 0，标准化则对所有像素用同一均值与标准差；"
                "相邻像素仍一起变化：非对角协方差可达最大方差的 "
                f"{off['zscore']:.2f}。",
            ),
            (
                f"PCA turns the axes, so that nothing varies together ({off['pca']:.1g}); the picture is one of "
                "directions then, not of pixels.",
                f"PCA 旋转坐标轴，使各维不再相关（{off['pca']:.1g}）；此时的图是方向的系数，而不是像素。",
            ),
            (
                f"Whitening divides by the deviation of each direction as well (largest variance "
                f"{spreads['pca_whiten']:.2f}), ZCA turns back, so that the digit can be seen again, its edges strong.",
                f"白化再除以每个方向的标准差（最大方差 {spreads['pca_whiten']:.2f}）；ZCA 又转回来，数字重新可见，"
                "边缘被加强。",
            ),
        ),
    )
