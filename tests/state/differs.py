# SPDX-License-Identifier: Apache-2.0
"""Where dynalite, the judge of these tests, is known to be otherwise than AWS: pattern of a test -> reason."""

DIFFERS = {
}
