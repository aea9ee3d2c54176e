"""Reads the symbols of a picture with zxing-cpp."""

import zxingcpp

# zxing-cpp takes `QRCode` for the family, to which Micro QR codes belong; codes of model 2 are the ones that are drawn.
ONLY = {zxingcpp.BarcodeFormat.QRCode: zxingcpp.BarcodeFormat.QRCodeModel2}


def symbols_of(image, format_):
    """The symbols of one format in a picture.

    A reader of every format finds a Micro QR code in one of some thousands of QR codes: a corner with other data than
    usual.
    """
    return zxingcpp.read_barcodes(image, formats=ONLY.get(format_, format_))
