// SPDX-License-Identifier: Apache-2.0
// A PanelProduct on a unit that multiplies tiles (Intel AMX): up to 16 rows of 64 bytes each. A
// panel's layout is the unit's own: 16 groups of inputs, a row each, by 16 columns.
//
// Tiles are the unit, AmxTiles of instructions.h:
//   configure(TileConfig), release()    of this thread, around all the others
//   zero<tile>(), load<tile>(address, stride), store<tile>(address, stride)
//   add<sums, inputs, weights>(W*)      sums += inputs * weights; the pointer names the types
#pragma once

#include "ops/kernels/table.h"
#include "ops/kernels/tile_config.h"

namespace nestvec::NESTVEC_ISA {

// Tiles 0 to 3 are sums: two columns of tiles for each of two rows of them, of `first` and of
// `second` rows. 4 and 5 are inputs, 6 and 7 weights.
inline TileConfig tile_config(size_t first, size_t second) {
  const size_t rows[kTiles] = {first, first,  second,      second,
                               first, second, kTileHeight, kTileHeight};
  TileConfig config;
  for (size_t i = 0; i < kTiles; ++i) {
    config.row_bytes[i] = rows[i] > 0 ? kTileBytes : 0;
    config.rows[i] = static_cast<uint8_t>(rows[i]);
  }
  return config;
}

// Two columns of tiles of sums, from kFirst on.
template <class Tiles, int kFirst, class Product, class C>
void begin_sums(const Product& p, const C* c) {
  if (p.adds) {
    Tiles::template load<kFirst>(c, kPanel * sizeof *c);
    Tiles::template load<kFirst + 1>(c + kPanel / 2, kPanel * sizeof *c);
  } else {
    Tiles::template zero<kFirst>();
    Tiles::template zero<kFirst + 1>();
  }
}

// Rows [0, kHeight tiles) of `p` from `row` on. Each k-step also fetches `lines` lines of `ahead`.
template <class Tiles, bool kTwo, class Product>
void multiply_tile_group(const Product& p, size_t row, const char* ahead, size_t lines) {
  constexpr size_t kInputs = kTileBytes / sizeof(*p.a);
  constexpr size_t kColumns = kPanel / 2;
  constexpr size_t kSumStride = kPanel * sizeof(*p.c);
  constexpr size_t kWeightStride = 2 * kTileBytes;
  const size_t stride = p.a_stride * sizeof(*p.a);
  const auto* a = p.a + row * p.a_stride;
  auto* c = p.c + row * kPanel;
  begin_sums<Tiles, 0>(p, c);
  if constexpr (kTwo) begin_sums<Tiles, 2>(p, c + kTileHeight * kPanel);
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
  Tiles::template store<0>(c, kSumStride);
  Tiles::template store<1>(c + kColumns, kSumStride);
  if constexpr (kTwo) {
    c += kTileHeight * kPanel;
    Tiles::template store<2>(c, kSumStride);
    Tiles::template store<3>(c + kColumns, kSumStride);
  }
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
  if (p.rows >= kGroup) Tiles::configure(tile_config(kTileHeight, kTileHeight));
  for (; row + kGroup <= p.rows; row += kGroup, ahead += lines * steps * kTileBytes) {
    multiply_tile_group<Tiles, true>(p, row, ahead, lines);
  }
  const size_t rest = p.rows - row;
  if (rest > kTileHeight) {
    Tiles::configure(tile_config(kTileHeight, rest - kTileHeight));
    multiply_tile_group<Tiles, true>(p, row, ahead, lines);
  } else if (rest > 0) {
    Tiles::configure(tile_config(rest, 0));
    multiply_tile_group<Tiles, false>(p, row, ahead, lines);
  }
  Tiles::release();
}

}  // namespace nestvec::NESTVEC_ISA
