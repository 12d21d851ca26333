"""Offer the names of Faasm's `pyfaasm.objects`."""


class Dictionary:
    """Be there for the import's sake: in Faasm, too, this class has nothing in it."""
