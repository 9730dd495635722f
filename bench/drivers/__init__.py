# SPDX-License-Identifier: Apache-2.0
"""One program for each runtime; they all speak the protocol of driver.py and driver.h."""
