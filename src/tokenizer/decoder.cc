// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/decoder.h"

#include <array>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/pattern.h"

namespace nestvec {
namespace {

// `text` with every occurrence of `from` replaced, from the left.
std::string replace_all(const std::string& text, std::string_view from, std::string_view to) {
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, copied)) {
    out.append(text, copied, at - copied).append(to);
    copied = at + from.size();
  }
  return out.append(text, copied);
}

class MetaspaceDecoder final : public Decoder {
 public:
  explicit MetaspaceDecoder(const MetaspaceOptions& options) : options_(options) {}
  void apply(std::vector<std::string>& tokens, Pace& pace) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      pace.spend(1 + tokens[i].size());
      const bool was_prepended = i == 0 && options_.prepend_scheme != PrependScheme::kNever;
      tokens[i] = replace_all(tokens[i], options_.replacement, was_prepended ? "" : " ");
    }
  }

 private:
  MetaspaceOptions options_;
};

class WordPieceDecoder final : public Decoder {
 public:
  WordPieceDecoder(std::string prefix, bool cleanup)
      : prefix_(std::move(prefix)), cleanup_(cleanup) {}

  void apply(std::vector<std::string>& tokens, Pace& pace) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      pace.spend(1 + tokens[i].size());
      std::string& token = tokens[i];
      if (i > 0 && token.starts_with(prefix_)) {
        token.erase(0, prefix_.size());
      } else if (i > 0) {
        token.insert(0, 1, ' ');
      }
      if (cleanup_) clean_up(token);
    }
  }

 private:
  static void clean_up(std::string& token) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kRules = {
        {{" .", "."},
         {" ?", "?"},
         {" !", "!"},
         {" ,", ","},
         {" ' ", "'"},
         {" n't", "n't"},
         {" 'm", "'m"},
         {" do not", " don't"},
         {" 's", "'s"},
         {" 've", "'ve"},
         {" 're", "'re"}}};
    if (token.find(' ') == std::string::npos) return;
    for (const auto& [from, to] : kRules) token = replace_all(token, from, to);
  }

  std::string prefix_;
  bool cleanup_;
};

class ReplaceDecoder final : public Decoder {
 public:
  ReplaceDecoder(Pattern pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  void apply(std::vector<std::string>& tokens, Pace& pace) const override {
    for (std::string& token : tokens) {
      pace.spend(1 + token.size());
      std::string out;
      Pattern::Finder finder(pattern_, token, token.size(), pace);
      std::size_t copied = 0;
      for (auto match = finder.find(0); match; match = finder.find(copied)) {
        out.append(token, copied, match->begin - copied).append(content_);
        copied = match->end;
      }
      token = out.append(token, copied);
    }
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class FuseDecoder final : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens, Pace& pace) const override {
    std::string all;
    for (const std::string& token : tokens) {
      pace.spend();
      all.append(token);
    }
    tokens.clear();
    tokens.push_back(std::move(all));
  }
};

class StripDecoder final : public Decoder {
 public:
  StripDecoder(std::string content, std::size_t start, std::size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}

  void apply(std::vector<std::string>& tokens, Pace& pace) const override {
    for (std::string& token : tokens) {
      pace.spend(1 + token.size());
      std::string_view rest = token;
      for (std::size_t i = 0; i < start_ && rest.starts_with(content_); ++i) {
        rest.remove_prefix(content_.size());
      }
      for (std::size_t i = 0; i < stop_ && rest.ends_with(content_); ++i) {
        rest.remove_suffix(content_.size());
      }
      token = std::string(rest);
    }
  }

 private:
  std::string content_;
  std::size_t start_;
  std::size_t stop_;
};

// Tokens <0x00> ... <0xFF> in a row become the UTF-8 text that they spell, or U+FFFD each.
class ByteFallbackDecoder final : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens, Pace& pace) const override {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (is_valid_utf8(bytes)) {
        out.push_back(bytes);
      } else {
        out.insert(out.end(), bytes.size(), "\xEF\xBF\xBD");
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      pace.spend(1 + token.size());
      if (const auto byte = parse(token)) {
        bytes.push_back(*byte);
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(out);
  }

 private:
  static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  }

  static std::optional<char> parse(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
    const int high = token[3] == '+' ? 0 : digit(token[3]);  // the reference reads "+5" as 5
    const int low = digit(token[4]);
    if (high < 0 || low < 0) return std::nullopt;
    return static_cast<char>(high * 16 + low);
  }
};

class ByteLevelDecoder final : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens, Pace& pace) const override {
    std::string bytes;
    for (const std::string& token : tokens) {
      pace.spend(1 + token.size());
      if (!append_bytes_of(token, bytes)) bytes.append(token);  // an added token
    }
    std::string repaired;
    tokens.assign(1, std::string(repair_utf8(bytes, repaired)));
  }
};

class BpeDecoder final : public Decoder {
 public:
  explicit BpeDecoder(std::string suffix) : suffix_(std::move(suffix)) {}
  void apply(std::vector<std::string>& tokens, Pace& pace) const override {
    for (std::string& token : tokens) {
      pace.spend(1 + token.size());
      if (!suffix_.empty())
        token = replace_all(token, suffix_, &token == &tokens.back() ? "" : " ");
    }
  }

 private:
  std::string suffix_;
};

class SequenceDecoder final : public Decoder {
 public:
  explicit SequenceDecoder(std::vector<DecoderPtr> steps) : steps_(std::move(steps)) {}
  void apply(std::vector<std::string>& tokens, Pace& pace) const override {
    for (const DecoderPtr& step : steps_) step->apply(tokens, pace);
  }

 private:
  std::vector<DecoderPtr> steps_;
};

}  // namespace

DecoderPtr make_metaspace_decoder(const MetaspaceOptions& options) {
  return std::make_unique<MetaspaceDecoder>(options);
}

DecoderPtr make_wordpiece_decoder(std::string prefix, bool cleanup) {
  return std::make_unique<WordPieceDecoder>(std::move(prefix), cleanup);
}

DecoderPtr make_replace_decoder(Pattern pattern, std::string content) {
  return std::make_unique<ReplaceDecoder>(std::move(pattern), std::move(content));
}

DecoderPtr make_fuse_decoder() { return std::make_unique<FuseDecoder>(); }

DecoderPtr make_strip_decoder(std::string content, std::size_t start, std::size_t stop) {
  return std::make_unique<StripDecoder>(std::move(content), start, stop);
}

DecoderPtr make_byte_fallback_decoder() { return std::make_unique<ByteFallbackDecoder>(); }

DecoderPtr make_byte_level_decoder() { return std::make_unique<ByteLevelDecoder>(); }

DecoderPtr make_bpe_decoder(std::string suffix) {
  return std::make_unique<BpeDecoder>(std::move(suffix));
}

DecoderPtr make_sequence_decoder(std::vector<DecoderPtr> steps) {
  return std::make_unique<SequenceDecoder>(std::move(steps));
}

}  // namespace nestvec
