// SPDX-License-Identifier: Apache-2.0
// Checkpoints: written and read back the same, and what may go on from one.
#include "bulk/checkpoint.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>

#include "support/error_of.h"

namespace nestvec {
namespace {

Checkpoint sample() {
  Checkpoint checkpoint;
  checkpoint.options = {{"--field", "te\"xt"}, {"--task", ""}};
  checkpoint.on_error = "skip";
  checkpoint.model_id = "a model";
  checkpoint.model_digest = "00ff";
  checkpoint.inputs = {{"a.csv", 1u << 30, 1'700'000'000'123'456'789}, {"-", 0, 0}};
  checkpoint.place = {1, 77, 0xFFFFFFFF, 1000};
  checkpoint.counts = {10, 9, 1, 2, 3, 400};
  checkpoint.sizes = {128, 9, 140, 50, 64};
  return checkpoint;
}

TEST(Checkpoint, ReadsBackTheSame) {
  Checkpoint checkpoint = sample();
  EXPECT_EQ(parse_checkpoint(write_checkpoint(checkpoint), "file"), checkpoint);
  checkpoint.complete = true;
  EXPECT_EQ(parse_checkpoint(write_checkpoint(checkpoint), "file"), checkpoint);
  EXPECT_EQ(parse_checkpoint(write_checkpoint(Checkpoint()), "file"), Checkpoint());
}

TEST(Checkpoint, AnyCutFileIsDataLoss) {
  const std::string text = write_checkpoint(sample());
  for (std::size_t kept = 0; kept + 2 < text.size(); ++kept) {
    EXPECT_NE(
        error_of([&] { parse_checkpoint(text.substr(0, kept), "file"); }, ErrorCode::kDataLoss),
        "");
  }
  std::string other = text;
  other.replace(other.find("\"version\":1"), 11, "\"version\":2");
  EXPECT_NE(error_of([&] { parse_checkpoint(other, "file"); }, ErrorCode::kDataLoss), "");
  other = text;
  other.replace(other.find("\"offset\":77"), 11, "\"offset\":-7");
  EXPECT_NE(error_of([&] { parse_checkpoint(other, "file"); }, ErrorCode::kDataLoss), "");
}

// What check_same_run says after `change`; empty where nothing stands against going on.
std::string objection(const std::function<void(Checkpoint&)>& change) {
  const Checkpoint then = sample();
  Checkpoint now = then;
  change(now);
  return error_of([&] { check_same_run(then, now); });
}

TEST(Checkpoint, OnlyTheSameRunGoesOn) {
  EXPECT_EQ(objection([](Checkpoint&) {}), "");
  const auto says = [](const std::function<void(Checkpoint&)>& change, const std::string& part) {
    const std::string message = objection(change);
    EXPECT_NE(message.find(part), std::string::npos) << part << " is not in: " << message;
  };
  says([](Checkpoint& c) { c.options[0].second = "body"; },
       "--field is \"body\", and it was \"te\"xt\"");
  says([](Checkpoint& c) { c.inputs.pop_back(); }, "there are 1 inputs, and there were 2");
  says([](Checkpoint& c) { std::swap(c.inputs[0], c.inputs[1]); }, "input 1 is -");
  says([](Checkpoint& c) { ++c.inputs[0].bytes; }, "a.csv has 1073741825 bytes");
  says([](Checkpoint& c) { ++c.inputs[0].modified; }, "a.csv was written since");
  says([](Checkpoint& c) { c.model_digest = "00fe"; }, "does not compute what");
  says([](Checkpoint& c) { c.on_error = "null"; }, "--on-error is null");
}

TEST(Checkpoint, BeforeABadRowOnErrorMayChange) {
  Checkpoint then = sample();
  then.counts.bad = 0;
  Checkpoint now = then;
  now.on_error = "null";
  EXPECT_NO_THROW(check_same_run(then, now));
}

}  // namespace
}  // namespace nestvec
