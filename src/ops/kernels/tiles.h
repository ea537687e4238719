// SPDX-License-Identifier: Apache-2.0
// A PanelProduct on a unit that multiplies tiles (Intel AMX): up to 16 rows of 64 bytes each. A
// panel's layout is the unit's own: 16 groups of inputs, a row each, by 16 columns.
//
// Tiles are the unit, so that a test can stand in for it:
//   configure(TileRows), release()      of this thread, around all the others
//   zero<tile>(), load<tile>(address, stride), store<tile>(address, stride)
//   add<sums, inputs, weights>(W*)      sums += inputs * weights; the pointer names the types
#pragma once

#include "ops/kernels/lanes.h"
#include "ops/kernels/table.h"

namespace nestvec::NESTVEC_ISA {

inline constexpr size_t kTiles = 8;
inline constexpr size_t kTileHeight = 16;
inline constexpr size_t kTileBytes = 64;  // of a row

// Tiles 0 to 3 are sums: two columns of tiles for each of two rows of them. 4 and 5 are inputs, 6
// and 7 weights.
struct TileRows {
  uint8_t rows[kTiles];  // 0: unused
};

// Rows [0, kHeight tiles) of `p` from `row` on. Each k-step also fetches `lines` lines of `ahead`.
template <class Tiles, bool kTwo, class Product>
void multiply_tile_group(const Product& p, size_t row, const char* ahead, size_t lines) {
  constexpr size_t kInputs = kTileBytes / sizeof(*p.a);
  constexpr size_t kColumns = kPanel / 2;
  constexpr size_t kSumStride = kPanel * sizeof(*p.c);
  constexpr size_t kWeightStride = 2 * kTileBytes;
  const size_t stride = p.a_stride * sizeof(*p.a);
  const auto* a = p.a + row * p.a_stride;
  Tiles::template zero<0>();
  Tiles::template zero<1>();
  if constexpr (kTwo) {
    Tiles::template zero<2>();
    Tiles::template zero<3>();
  }
  const char* w = reinterpret_cast<const char*>(p.panel);
  for (size_t i = 0; i < p.k; i += kInputs, w += kTileHeight * kWeightStride) {
    for (size_t l = 0; l < lines; ++l, ahead += kTileBytes) __builtin_prefetch(ahead, 0, 2);
    Tiles::template load<6>(w, kWeightStride);
    Tiles::template load<7>(w + kTileBytes, kWeightStride);
    Tiles::template load<4>(a + i, stride);
    Tiles::template add<0, 4, 6>(p.panel);
    Tiles::template add<1, 4, 7>(p.panel);
    if constexpr (kTwo) {
      Tiles::template load<5>(a + kTileHeight * p.a_stride + i, stride);
      Tiles::template add<2, 5, 6>(p.panel);
      Tiles::template add<3, 5, 7>(p.panel);
    }
  }
  auto* c = p.c + row * kPanel;
  Tiles::template store<0>(c, kSumStride);
  Tiles::template store<1>(c + kColumns, kSumStride);
  if constexpr (kTwo) {
    c += kTileHeight * kPanel;
    Tiles::template store<2>(c, kSumStride);
    Tiles::template store<3>(c + kColumns, kSumStride);
  }
}

// first and second rows of tiles of sums
inline TileRows tile_rows(size_t first, size_t second) {
  const auto a = static_cast<uint8_t>(first);
  const auto b = static_cast<uint8_t>(second);
  return {{a, a, b, b, a, b, kTileHeight, kTileHeight}};
}

// p.k fills whole rows of tiles.
template <class Tiles, class Product>
void multiply_tiles(const Product& p) {
  constexpr size_t kGroup = 2 * kTileHeight;
  const size_t bytes = p.k * kPanel * sizeof(*p.panel);
  const size_t groups = (p.rows + kGroup - 1) / kGroup;
  // The passes over the panel fetch the next one.
  constexpr size_t kLines = 2 * kTileHeight;  // of weights that a step reads
  const size_t lines = (kLines + groups - 1) / groups;
  const size_t steps = p.k * sizeof(*p.a) / kTileBytes;
  const char* ahead = reinterpret_cast<const char*>(p.panel) + bytes;
  size_t row = 0;
  if (p.rows >= kGroup) Tiles::configure(tile_rows(kTileHeight, kTileHeight));
  for (; row + kGroup <= p.rows; row += kGroup, ahead += lines * steps * kTileBytes) {
    multiply_tile_group<Tiles, true>(p, row, ahead, lines);
  }
  const size_t rest = p.rows - row;
  if (rest > kTileHeight) {
    Tiles::configure(tile_rows(kTileHeight, rest - kTileHeight));
    multiply_tile_group<Tiles, true>(p, row, ahead, lines);
  } else if (rest > 0) {
    Tiles::configure(tile_rows(rest, 0));
    multiply_tile_group<Tiles, false>(p, row, ahead, lines);
  }
  Tiles::release();
}

#if defined(__AMX_TILE__)
// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18. In assembly:
// the compiler's intrinsics take a tile's number only as a literal, and declare too little of the
// memory that they read.
struct AmxTiles {
  static void configure(const TileRows& rows) {
    struct alignas(64) {
      uint8_t palette = 1;
      uint8_t start_row = 0;
      uint8_t reserved[14] = {};
      uint16_t row_bytes[16] = {};
      uint8_t rows[16] = {};
    } config;
    static_assert(sizeof config == 64);
    for (size_t i = 0; i < kTiles; ++i) {
      config.row_bytes[i] = rows.rows[i] > 0 ? kTileBytes : 0;
      config.rows[i] = rows.rows[i];
    }
    asm volatile("ldtilecfg %0" : : "m"(config));
  }

  static void release() { asm volatile("tilerelease"); }

  template <int kTile>
  static void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }

  template <int kTile>
  static void load(const void* address, size_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
                 :
                 : "r"(address), "r"(stride), "i"(kTile)
                 : "memory");
  }

  template <int kTile>
  static void store(void* address, size_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
                 :
                 : "r"(address), "r"(stride), "i"(kTile)
                 : "memory");
  }

  template <int kSums, int kInputs, int kWeights>
  static void add(const uint16_t*) {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0"
                 :
                 : "i"(kSums), "i"(kInputs), "i"(kWeights));
  }

  template <int kSums, int kInputs, int kWeights>
  static void add(const int8_t*) {  // inputs are unsigned
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0"
                 :
                 : "i"(kSums), "i"(kInputs), "i"(kWeights));
  }
};
#endif

}  // namespace nestvec::NESTVEC_ISA
