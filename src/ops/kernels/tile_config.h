// SPDX-License-Identifier: Apache-2.0
// The shapes of a thread's tiles, as the unit that multiplies them reads them (LDTILECFG).
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifndef NESTVEC_ISA
#define NESTVEC_ISA generic
#endif

namespace nestvec::NESTVEC_ISA {

inline constexpr size_t kTiles = 8;
inline constexpr size_t kTileHeight = 16;
inline constexpr size_t kTileBytes = 64;  // of a row

// Palette 1. A tile that is not used has neither rows nor bytes.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

}  // namespace nestvec::NESTVEC_ISA
