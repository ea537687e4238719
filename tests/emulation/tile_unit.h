// SPDX-License-Identifier: Apache-2.0
// Intel AMX in software, as the Software Developer's Manual, volume 2, states each instruction's
// operation. What a processor would answer with an exception prints one line and aborts.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace nestvec::emulation {

inline constexpr size_t kTileCount = 8;
inline constexpr size_t kMaxRows = 16;
inline constexpr size_t kRowBytes = 64;

// A thread's tiles. Not for use by several threads.
class TileUnit {
 public:
  // LDTILECFG of 64 bytes, in palette 1 or 0; all tiles become zero.
  void configure(const void* config);
  // TILERELEASE.
  void release();
  // TILEZERO, TILELOADD, TILESTORED. `stride` is bytes from row to row.
  void zero(size_t tile);
  void load(size_t tile, const void* address, size_t stride);
  void store(size_t tile, void* address, size_t stride) const;
  // TDPBF16PS and TDPBUSD: sums [rows, columns] += a [rows, k] b [k, columns].
  void add_bf16(size_t sums, size_t a, size_t b);
  void add_bytes(size_t sums, size_t a, size_t b);

  bool configured() const { return configured_; }

 private:
  struct Tile {
    size_t rows = 0;
    size_t row_bytes = 0;
    alignas(64) uint8_t bytes[kMaxRows][kRowBytes] = {};
  };

  void check_tile(const char* instruction, size_t tile) const;
  void check_product(const char* instruction, size_t sums, size_t a, size_t b) const;

  bool configured_ = false;
  Tile tiles_[kTileCount];
};

TileUnit& thread_tiles();

}  // namespace nestvec::emulation
