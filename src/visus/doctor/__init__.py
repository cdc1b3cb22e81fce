"""What is installed, what makes it fast, and what would make it better: ``visus doctor``."""

from visus.doctor.findings import Findings, examine

__all__ = ["Findings", "examine"]
