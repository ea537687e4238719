// SPDX-License-Identifier: Apache-2.0
#include "text/sentence_marks.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <string>

#include "base/lower.h"
#include "base/utf8.h"

namespace nestvec {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Ascending.
constexpr Range kSpaces[] = {{0x09, 0x0D},     {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},
                             {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},
                             {0x205F, 0x205F}, {0x3000, 0x3000}};

constexpr Range kInvisible[] = {
    {0x00, 0x08},      {0x0E, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},       {0x034F, 0x034F},
    {0x061C, 0x061C},  {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180B, 0x180F},   {0x200B, 0x200F},
    {0x202A, 0x202E},  {0x2060, 0x206F}, {0x2800, 0x2800}, {0x3164, 0x3164},   {0xFE00, 0xFE0F},
    {0xFEFF, 0xFEFF},  {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFD}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
    {0xE0000, 0xE0FFF}};

constexpr Range kLowerCase[] = {
    {'a', 'z'}, {0xDF, 0xF6}, {0xF8, 0xFF}, {0x03AC, 0x03CE}, {0x0430, 0x045F}};

constexpr Range kTerminators[] = {
    {'!', '!'},       {'.', '.'},       {'?', '?'},       {0x0589, 0x0589}, {0x061F, 0x061F},
    {0x06D4, 0x06D4}, {0x0964, 0x0965}, {0x0F0D, 0x0F0E}, {0x104A, 0x104B}, {0x1362, 0x1362},
    {0x1367, 0x1367}, {0x17D4, 0x17D5}, {0x2026, 0x2026}, {0x203C, 0x203D}, {0x2047, 0x2049}};

constexpr Range kStrongTerminators[] = {
    {0x3002, 0x3002}, {0xFF01, 0xFF01}, {0xFF0E, 0xFF0E}, {0xFF1F, 0xFF1F}, {0xFF61, 0xFF61}};

// Opening forms too: German closes with what English opens with. And marks that sit on another.
constexpr Range kClosers[] = {
    {'"', '"'},       {'\'', '\''},     {')', ')'},       {']', ']'},       {'}', '}'},
    {0xAB, 0xAB},     {0xBB, 0xBB},     {0x0300, 0x036F}, {0x2018, 0x2019}, {0x201C, 0x201D},
    {0x2039, 0x203A}, {0x3009, 0x3009}, {0x300B, 0x300B}, {0x300D, 0x300D}, {0x300F, 0x300F},
    {0x3011, 0x3011}, {0x3015, 0x3015}, {0x301E, 0x301F}, {0xFE00, 0xFE0F}, {0xFF02, 0xFF02},
    {0xFF07, 0xFF07}, {0xFF09, 0xFF09}, {0xFF3D, 0xFF3D}, {0xFF5D, 0xFF5D}, {0xFF63, 0xFF63}};

bool contains(std::span<const Range> ranges, char32_t c) {
  const auto range =
      std::lower_bound(ranges.begin(), ranges.end(), c,
                       [](const Range& r, char32_t value) { return r.last < value; });
  return range != ranges.end() && range->first <= c;
}

constexpr std::array<std::string_view, 36> kBeforeNames = {
    "adm", "approx", "bzw",  "ca",  "capt", "cf",  "col", "dipl", "dr",   "dra", "evtl", "gen",
    "ggf", "gov",    "hon",  "hr",  "ing",  "jr",  "lt",  "maj",  "mlle", "mme", "mr",   "mrs",
    "ms",  "mt",     "prof", "rep", "rev",  "sen", "sgt", "sr",   "sra",  "st",  "vgl",  "vs"};

constexpr std::array<std::string_view, 28> kBeforeNumbers = {
    "abb", "abs",  "apr", "art", "aug", "bd",   "ch",  "dec", "eq",  "feb",
    "fig", "figs", "jan", "jul", "jun", "kap",  "mar", "no",  "nov", "nr",
    "nrn", "oct",  "pp",  "sec", "sep", "sept", "tab", "vol"};

static_assert(std::is_sorted(kBeforeNames.begin(), kBeforeNames.end()));
static_assert(std::is_sorted(kBeforeNumbers.begin(), kBeforeNumbers.end()));

// "e.g", "U.S", "z.B": stops inside, and at most two letters between them.
bool is_dotted(std::string_view word) {
  if (word.find('.') == std::string_view::npos) return false;
  std::size_t letters = 0;
  for (const char c : word) {
    letters = c == '.' ? 0 : letters + 1;
    if (letters > 2 || (c != '.' && std::isalpha(static_cast<unsigned char>(c)) == 0)) return false;
  }
  return true;
}

}  // namespace

bool is_line_break(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool is_white_space(char32_t c) { return contains(kSpaces, c); }

bool is_invisible(char32_t c) {
  if (c > 0x20 && c < 0x7F) return false;
  return contains(kSpaces, c) || contains(kInvisible, c);
}

bool is_digit(char32_t c) { return (c >= '0' && c <= '9') || (c >= 0xFF10 && c <= 0xFF19); }

bool is_lower_case_letter(char32_t c) { return contains(kLowerCase, c); }

bool is_terminator(char32_t c) { return contains(kTerminators, c); }

bool is_strong_terminator(char32_t c) { return contains(kStrongTerminators, c); }

bool is_closer(char32_t c) { return contains(kClosers, c); }

bool is_abbreviation(std::string_view word, bool before_number) {
  constexpr std::size_t kLongest = 8;
  if (word.empty() || word.size() > kLongest) return false;
  const DecodedCodePoint first = decode_utf8(word);
  if (first.length == word.size() && !is_digit(first.code_point)) {
    // One letter of an alphabet: an initial, or the p. of a page.
    return first.length <= 2 && (before_number || !is_lower_case_letter(first.code_point));
  }
  if (is_dotted(word)) return true;
  const std::string lower = ascii_lower(word);
  return std::binary_search(kBeforeNames.begin(), kBeforeNames.end(), lower) ||
         (before_number && std::binary_search(kBeforeNumbers.begin(), kBeforeNumbers.end(), lower));
}

}  // namespace nestvec
