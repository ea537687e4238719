// SPDX-License-Identifier: Apache-2.0
#include "emulation/tile_unit.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace nestvec::emulation {
namespace {

void require(bool holds, const char* instruction, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "emulated processor: %s: %s\n", instruction, what);
  std::abort();
}

// What is denormal as a zero of its sign.
float flushed(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7f800000u) == 0) bits &= 0x80000000u;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// bfloat16 `index` of a row.
float bf16_at(const uint8_t* row, size_t index) {
  uint16_t half;
  std::memcpy(&half, row + 2 * index, sizeof half);
  const uint32_t bits = uint32_t{half} << 16;
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return flushed(x);
}

}  // namespace

void TileUnit::configure(const void* config) {
  constexpr const char* kName = "ldtilecfg";
  uint8_t bytes[64];
  std::memcpy(bytes, config, sizeof bytes);
  release();
  if (bytes[0] == 0) return;
  require(bytes[0] == 1, kName, "unknown palette");
  require(bytes[1] == 0, kName, "a start row, which only an interrupted instruction leaves");
  for (size_t i = 2; i < 64; ++i) {
    const bool reserved = i < 16 || (i >= 32 && i < 48) || i >= 56;
    require(!reserved || bytes[i] == 0, kName, "reserved bytes are not zero");
  }
  for (size_t i = 0; i < kTileCount; ++i) {
    Tile& tile = tiles_[i];
    tile.row_bytes = size_t{bytes[16 + 2 * i]} + 256 * size_t{bytes[17 + 2 * i]};
    tile.rows = bytes[48 + i];
    require(tile.row_bytes <= kRowBytes, kName, "more than 64 bytes a row");
    require(tile.rows <= kMaxRows, kName, "more than 16 rows");
    require((tile.rows == 0) == (tile.row_bytes == 0), kName, "rows without bytes, or the reverse");
  }
  configured_ = true;
}

void TileUnit::release() {
  configured_ = false;
  for (Tile& tile : tiles_) tile = {};
}

void TileUnit::check_tile(const char* instruction, size_t tile) const {
  require(configured_, instruction, "tiles are not configured");
  require(tile < kTileCount, instruction, "no such tile");
  require(tiles_[tile].rows > 0, instruction, "this tile is not configured");
}

void TileUnit::zero(size_t tile) {
  check_tile("tilezero", tile);
  std::memset(tiles_[tile].bytes, 0, sizeof tiles_[tile].bytes);
}

void TileUnit::load(size_t tile, const void* address, size_t stride) {
  check_tile("tileloadd", tile);
  Tile& t = tiles_[tile];
  std::memset(t.bytes, 0, sizeof t.bytes);
  for (size_t r = 0; r < t.rows; ++r) {
    std::memcpy(t.bytes[r], static_cast<const uint8_t*>(address) + r * stride, t.row_bytes);
  }
}

void TileUnit::store(size_t tile, void* address, size_t stride) const {
  check_tile("tilestored", tile);
  const Tile& t = tiles_[tile];
  for (size_t r = 0; r < t.rows; ++r) {
    std::memcpy(static_cast<uint8_t*>(address) + r * stride, t.bytes[r], t.row_bytes);
  }
}

void TileUnit::check_product(const char* instruction, size_t sums, size_t a, size_t b) const {
  const size_t operands[] = {sums, a, b};
  for (const size_t tile : operands) {
    check_tile(instruction, tile);
    require(tiles_[tile].row_bytes % 4 == 0, instruction, "rows are not whole groups of 4 bytes");
  }
  require(sums != a && sums != b && a != b, instruction, "operands share a tile");
  require(tiles_[sums].rows == tiles_[a].rows, instruction, "rows of the sums and of a differ");
  require(tiles_[a].row_bytes / 4 == tiles_[b].rows, instruction, "columns of a, rows of b differ");
  require(tiles_[sums].row_bytes == tiles_[b].row_bytes, instruction,
          "columns of the sums and of b differ");
}

// Products of even inputs are summed, and those of odd ones; then both are added to the sum.
void TileUnit::add_bf16(size_t sums, size_t a, size_t b) {
  check_product("tdpbf16ps", sums, a, b);
  constexpr size_t kColumns = kRowBytes / 4;
  float weights[2][kMaxRows][kColumns];
  for (size_t k = 0; k < kMaxRows; ++k) {
    for (size_t i = 0; i < 2 * kColumns; ++i) {
      weights[i % 2][k][i / 2] = bf16_at(tiles_[b].bytes[k], i);
    }
  }
  for (size_t row = 0; row < tiles_[sums].rows; ++row) {
    float part[2][kColumns] = {};
    for (size_t k = 0; k < tiles_[b].rows; ++k) {
      for (size_t odd = 0; odd < 2; ++odd) {
        const float x = bf16_at(tiles_[a].bytes[row], 2 * k + odd);
        for (size_t n = 0; n < kColumns; ++n) {
          part[odd][n] = flushed(__builtin_fmaf(x, weights[odd][k][n], part[odd][n]));
        }
      }
    }
    float c[kColumns];
    std::memcpy(c, tiles_[sums].bytes[row], sizeof c);
    for (size_t n = 0; n < kColumns; ++n) {
      c[n] = flushed(flushed(c[n]) + flushed(part[0][n] + part[1][n]));
    }
    std::memcpy(tiles_[sums].bytes[row], c, tiles_[sums].row_bytes);
  }
}

// Four products of unsigned bytes of a and signed ones of b each; sums wrap, nothing saturates.
void TileUnit::add_bytes(size_t sums, size_t a, size_t b) {
  check_product("tdpbusd", sums, a, b);
  constexpr size_t kColumns = kRowBytes / 4;
  for (size_t row = 0; row < tiles_[sums].rows; ++row) {
    uint32_t c[kColumns];
    std::memcpy(c, tiles_[sums].bytes[row], sizeof c);
    for (size_t k = 0; k < tiles_[b].rows; ++k) {
      const uint8_t* x = tiles_[a].bytes[row] + 4 * k;
      const uint8_t* w = tiles_[b].bytes[k];
      for (size_t i = 0; i < kRowBytes; ++i) {
        c[i / 4] += static_cast<uint32_t>(int32_t{x[i % 4]} * static_cast<int8_t>(w[i]));
      }
    }
    std::memcpy(tiles_[sums].bytes[row], c, tiles_[sums].row_bytes);
  }
}

TileUnit& thread_tiles() {
  thread_local TileUnit tiles;
  return tiles;
}

}  // namespace nestvec::emulation
