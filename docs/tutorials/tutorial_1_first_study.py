"""
A first study
=============

Does a mechanism change what a network learns?
"""

import bionic_core as bionic

print(bionic.load("demo").name)
