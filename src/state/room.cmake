# SPDX-License-Identifier: Apache-2.0
set(test_rooms sim)  # nodes with disks and messages between them, in virtual time
