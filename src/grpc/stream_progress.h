// SPDX-License-Identifier: Apache-2.0
// Where a stream of requests and answers stands: what may be read, written and ended next. Knows no
// transport, so that it is tested alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "nestvec/error.h"

namespace nestvec {

// How much one stream may hold: messages that are read and not yet answered to the client, and the
// bytes that they and their answers may take. One message is always allowed. Few are handed over at
// a time: before that they are in no queue yet, and so in nobody's account. Answers that are ready
// together are written together up to so much, a longer one by itself.
struct StreamLimits {
  std::size_t messages = 1024;
  std::size_t bytes = std::size_t{64} << 20;
  std::size_t hand_overs = 2;
  std::size_t write_bytes = std::size_t{64} << 10;
};

// Messages are worked on at once and answered in their order. The first error ends the stream when
// all before it have been answered. The owner asks take_*() after each event, does what they allow,
// and holds a lock around every call: not safe for concurrent use.
class StreamProgress {
 public:
  explicit StreamProgress(const StreamLimits& limits = {}) : limits_(limits) {}

  // A read has brought a message: the number by which its answer is told, or nothing if the stream
  // is past answering it.
  std::optional<std::uint64_t> opened(std::size_t bytes);
  // A message that was opened is where its work is queued, or is answered already.
  void handed_over();
  // A read has brought the end of the client's messages.
  void ended();
  // Message `number` has its answer, or an error in its place.
  void answered(std::uint64_t number, std::optional<Error> error = std::nullopt);
  // The write of the front messages' answers is over; they leave the stream.
  void written();
  // The server goes away: nothing is read any more; what is open is still answered.
  void drain();
  // The client is gone: nothing is read or written any more.
  void abandon();

  // The number of messages that are open, answered or not.
  std::size_t open() const { return open_.size(); }
  // A message is on its way or worked on.
  bool is_working() const { return reading_ || unanswered_ > 0 || on_the_way_ > 0; }
  // A read would be allowed. take_read(): it is begun; opened() or ended() must follow.
  bool may_read() const;
  bool take_read();
  // How many messages from the front on have answers that are to be written together; written()
  // must follow, unless there are none.
  std::size_t take_write();
  // True once: nobody will want the answers of messages that are still worked on.
  bool take_stop();
  // True once: all is over; no message is on its way or being worked on, no write is under way.
  bool take_finish();

  // Why the stream ends; empty when all messages were answered.
  const std::optional<Error>& error() const { return error_; }

 private:
  struct Message {
    std::size_t bytes = 0;
    bool answered = false;
    std::optional<Error> error;
  };
  void look_at_front();
  bool over() const;

  StreamLimits limits_;
  std::deque<Message> open_;
  std::uint64_t first_ = 0;     // number of the front message
  std::size_t bytes_ = 0;       // of open messages
  std::size_t on_the_way_ = 0;  // opened, not handed over
  std::size_t unanswered_ = 0;  // open messages that are being worked on
  bool reading_ = false;
  std::size_t writing_ = 0;  // messages
  bool ended_ = false;
  bool faulty_ = false;   // a message has an error: no use to read on
  bool failed_ = false;   // the error has come to the front, or the client is gone
  bool stopped_ = false;  // take_stop() has said so
  bool finished_ = false;
  bool draining_ = false;
  std::optional<Error> error_;
};

}  // namespace nestvec
