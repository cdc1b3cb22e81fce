"""Classical vision: filters, edges and texture, on NumPy pictures and without training.

Everything is a function that takes a picture ``(H, W)`` or ``(H, W, C)`` and keyword options; nothing is changed in
place. ``visus.filters.kernels`` holds the kernels themselves.
"""

from visus.filters import kernels
from visus.filters.canny import CannyStages, canny
from visus.filters.convolve import convolution_matrix, convolve, correlate, pad
from visus.filters.gradient import (
    Gradient,
    difference_of_gaussians,
    gradient,
    laplacian_of_gaussian,
    non_maximum_suppression,
    prewitt,
    roberts,
    scharr,
    sobel,
    zero_crossings,
)
from visus.filters.histogram import hsv_histogram
from visus.filters.quality import psnr, ssim
from visus.filters.smooth import bilateral, box, gaussian, median, noise_level
from visus.filters.textons import (
    TextureClassifier,
    chi_squared,
    learn_textons,
    pixel_descriptions,
    texton_histogram,
    texton_map,
)
from visus.filters.texture import leung_malik, mean_responses, responses
from visus.filters.texture_numbers import TextureNumbers, texture_numbers

__all__ = [
    "CannyStages",
    "Gradient",
    "TextureClassifier",
    "TextureNumbers",
    "bilateral",
    "box",
    "canny",
    "chi_squared",
    "convolution_matrix",
    "convolve",
    "correlate",
    "difference_of_gaussians",
    "gaussian",
    "gradient",
    "hsv_histogram",
    "kernels",
    "laplacian_of_gaussian",
    "learn_textons",
    "leung_malik",
    "mean_responses",
    "median",
    "noise_level",
    "non_maximum_suppression",
    "pad",
    "pixel_descriptions",
    "prewitt",
    "psnr",
    "responses",
    "roberts",
    "scharr",
    "sobel",
    "ssim",
    "texton_histogram",
    "texton_map",
    "texture_numbers",
    "zero_crossings",
]
