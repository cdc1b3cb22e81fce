#!/usr/bin/env bash
# Enhanced DICOM (one file, many frames): SimpleITK takes the word of the first frame for all, without a warning.
#
# The surprise: an enhanced CT, MR or PET file says of each frame where it lies (PlanePositionSequence) and what its numbers
# mean (PixelValueTransformationSequence); both may differ from frame to frame, and the order of the frames is free. One
# would expect a reader of volumes to follow these, or to refuse. SimpleITK.ReadImage gives one volume in the order of the
# file, with one spacing, and the first frame's slope and intercept for all frames: planes lie in each other's places, gaps
# vanish, and all numbers but those of the first frame are wrong.
#
# Versions: SimpleITK 2.5.7, pydicom 3.0.2, numpy 2.4.6, Python 3.11, Linux.
# Seen:     right, from z = 0 on: [ 10.  40.  90. 160.]
#           SimpleITK:            [10. 40. 20. 30.] for frames at z = [0, 3, 1, 2] spacing (1.0, 1.0, 1.0)
#
# What it means: read the functional groups of each frame and put them in order, or make a series of single slices first.
#
# Exits with 0 while this behavior stands, and with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet SimpleITK==2.5.7 pydicom==3.0.2 numpy==2.4.6
cd "$work"
cat > frames.py <<'P'
import sys

import numpy as np
import pydicom
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedCTImageStorage, ExplicitVRLittleEndian, generate_uid

PLACES = [0, 3, 1, 2]  # of the frames along z, in mm; each has a slope of its own, and numbers that tell which it is


def item(**values):
    own = Dataset()
    for name, value in values.items():
        setattr(own, name, value)
    return Sequence([own])


def frame(place):
    own = Dataset()
    own.PlanePositionSequence = item(ImagePositionPatient=[0, 0, place])
    own.PixelValueTransformationSequence = item(RescaleSlope=place + 1, RescaleIntercept=0, RescaleType="HU")
    return own


shared = Dataset()
shared.PlaneOrientationSequence = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
shared.PixelMeasuresSequence = item(PixelSpacing=[1, 1], SliceThickness=1)
meta = FileMetaDataset()
meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
meta.MediaStorageSOPInstanceUID = generate_uid()
meta.TransferSyntaxUID = ExplicitVRLittleEndian
file = Dataset()
file.file_meta = meta
file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
file.StudyInstanceUID, file.SeriesInstanceUID, file.Modality = generate_uid(), generate_uid(), "CT"
file.FrameOfReferenceUID = generate_uid()
file.Rows = file.Columns = 8
file.NumberOfFrames = len(PLACES)
file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
file.SharedFunctionalGroupsSequence = Sequence([shared])
file.PerFrameFunctionalGroupsSequence = Sequence([frame(place) for place in PLACES])
stored = np.array([10 * (place + 1) for place in PLACES], np.uint16)
file.PixelData = np.repeat(stored, 64).tobytes()
pydicom.dcmwrite("frames.dcm", file, enforce_file_format=True)

right = np.array([10.0 * (place + 1) ** 2 for place in sorted(PLACES)])
volume = SimpleITK.ReadImage("frames.dcm")
found = SimpleITK.GetArrayFromImage(volume)[:, 0, 0].astype(float)
print("right, from z = 0 on:", right)
print("SimpleITK:           ", found, "for frames at z =", PLACES, "spacing", volume.GetSpacing())
sys.exit(0 if not np.allclose(found, right) else 1)
P
venv/bin/python frames.py
