// SPDX-License-Identifier: Apache-2.0
// CRC-32 as zlib, gzip and AWS's x-amz-crc32 have it (ISO-HDLC: polynomial 0x04C11DB7 reflected,
// all ones in and out).
#pragma once

#include <cstdint>
#include <string_view>

namespace sealane {

// Of `bytes`, or going on from the CRC of what came before them.
uint32_t crc32(std::string_view bytes, uint32_t before = 0);

}  // namespace sealane
