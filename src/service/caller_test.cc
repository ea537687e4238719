// SPDX-License-Identifier: Apache-2.0
#include "service/caller.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/scripted_model.h"

namespace nestvec {
namespace {

HttpRequest head_from(const std::string& peer, std::uint64_t connection = 0) {
  HttpRequest head;
  head.peer = peer;
  head.connection = connection;
  return head;
}

TEST(ClientNumber, IsTheKeyElseTheNetworkElseTheConnection) {
  const auto number = [](const std::string& key, const std::string& peer,
                         std::uint64_t connection) {
    return client_number(key, head_from(peer, connection));
  };
  EXPECT_EQ(number("k", "10.0.0.1", 1), number("k", "10.0.0.2", 2));
  EXPECT_NE(number("k", "10.0.0.1", 1), number("l", "10.0.0.1", 1));
  EXPECT_EQ(number("", "10.0.0.1", 1), number("", "10.0.0.1", 2));
  EXPECT_NE(number("", "10.0.0.1", 1), number("", "10.0.0.2", 1));
  EXPECT_EQ(number("", "::ffff:10.0.0.1", 1), number("", "10.0.0.1", 2));
  EXPECT_EQ(number("", "2001:db8::1", 1), number("", "2001:db8::2%eth0", 2));
  EXPECT_NE(number("", "2001:db8:0:1::1", 1), number("", "2001:db8:0:2::1", 1));
  EXPECT_EQ(number("", "unix", 1), number("", "unix", 1));
  EXPECT_NE(number("", "unix", 1), number("", "unix", 2));
  EXPECT_EQ(number("", "10.0.0.1", 1), client_number_of_peer("10.0.0.1", 7));
}

// One that streams all it can, and whoever else streams.
class HasRoom : public testing::Test {
 protected:
  Model make_model() {
    auto session = std::make_unique<ScriptedSession>();
    session_ = session.get();
    return scripted_model(std::move(session));
  }
  ~HasRoom() override {
    session_->gate.open();
    model_.shut_down();
  }

  // A text of as many tokens as a run takes.
  void queue_text(std::uint64_t client) {
    std::string text;
    for (std::size_t i = 0; i < kScriptedTokens; ++i) text += "a ";
    EmbedOptions options;
    options.queue.client = client;
    const std::vector<std::string> texts = {text};
    model_.predict_async(texts, {}, options, [](const Result<Embeddings>&) {});
  }
  bool has_room_for(std::uint64_t client) {
    Caller caller;
    caller.client = client;
    return has_room(caller, service_);
  }

  ScriptedSession* session_ = nullptr;
  ServerOptions options_;
  Metrics metrics_;
  Model model_ = make_model();
  Service service_{.model = model_,
                   .options = options_,
                   .metrics = metrics_,
                   .post = [](const std::function<void()>&) {},
                   .version = "0"};
};

TEST_F(HasRoom, UntilTwoBatchesWait) {
  session_->gate.close();
  queue_text(1);
  session_->gate.wait_for_run();
  queue_text(1);
  EXPECT_TRUE(has_room_for(1));
  queue_text(1);
  EXPECT_FALSE(has_room_for(1));
}

TEST_F(HasRoom, ForWhoeverHasLessThanItsShareWaiting) {
  session_->gate.close();
  queue_text(1);
  session_->gate.wait_for_run();
  for (int i = 0; i < 4; ++i) queue_text(1);
  EXPECT_FALSE(has_room_for(1));
  EXPECT_TRUE(has_room_for(2));
  queue_text(2);
  EXPECT_FALSE(has_room_for(2));
  EXPECT_TRUE(has_room_for(3));
}

TEST(ClientNumber, IsTheKeysWhereThereIsOne) {
  EXPECT_EQ(client_number("search", head_from("192.0.2.1")),
            client_number("search", head_from("::1")));
  EXPECT_NE(client_number("search", head_from("192.0.2.1")),
            client_number("", head_from("192.0.2.1")));
  EXPECT_NE(client_number("search", {}), client_number("other", {}));
}

TEST(ClientNumber, IsThatOfTheAddressHoweverManyConnections) {
  const auto number = [](const std::string& peer) { return client_number("", head_from(peer)); };
  EXPECT_EQ(client_number("", head_from("192.0.2.1", 1)),
            client_number("", head_from("192.0.2.1", 2)));
  EXPECT_NE(number("192.0.2.1"), number("192.0.2.2"));
  EXPECT_EQ(number("192.0.2.1"), number("::ffff:192.0.2.1"));
  EXPECT_EQ(number("2001:db8:0:1::1"), number("2001:db8:0:1:ffff:ffff:ffff:ffff"));
  EXPECT_NE(number("2001:db8:0:1::1"), number("2001:db8:0:2::1"));
  EXPECT_EQ(number("fe80::1%eth0"), number("fe80::2"));
}

TEST(ClientNumber, IsThatOfTheConnectionWithoutAnAddress) {
  EXPECT_NE(client_number("", head_from("unix", 1)), client_number("", head_from("unix", 2)));
  EXPECT_EQ(client_number("", head_from("unix", 1)), client_number("", head_from("unix", 1)));
}

}  // namespace
}  // namespace nestvec
