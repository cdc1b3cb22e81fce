"""Classification networks that visus defines itself, one file each; the others come from torchvision and timm."""
