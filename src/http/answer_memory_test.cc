#include "http/answer_memory.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::http {
namespace {

const std::string kLong(200, 'x');

void fill(Response& response) {
  response.fields.add("x-long", kLong);
  response.buffers.push_back(Buffer::of_static("a body"));
}

std::size_t memory_of(const Response& response) {
  return response.fields.memory() + response.buffers.capacity() * sizeof(Buffer);
}

TEST(AnswerMemory, IsTakenBackAndLentAgain) {
  AnswerMemory memory;
  Response response;
  fill(response);
  const std::size_t used = memory_of(response);
  memory.take_back(response);
  EXPECT_EQ(memory_of(response), 0u);
  EXPECT_EQ(response.fields.size(), 0u);
  EXPECT_TRUE(response.buffers.empty());
  memory.lend(response);
  EXPECT_EQ(memory_of(response), used);
  EXPECT_EQ(response.fields.size(), 0u);
  EXPECT_TRUE(response.buffers.empty());
}

TEST(AnswerMemory, IsOnlyOne) {
  AnswerMemory memory;
  Response first, second;
  fill(first);
  fill(second);
  memory.take_back(first);
  memory.take_back(second);
  EXPECT_EQ(memory_of(second), 0u);
  memory.lend(first);
  memory.lend(second);
  EXPECT_GT(memory_of(first), 0u);
  EXPECT_EQ(memory_of(second), 0u);
}

TEST(AnswerMemory, LeavesWhatIsInAResponseInNoMoreThanItNeeds) {
  AnswerMemory memory;
  Response response;
  fill(response);
  memory.take_back(response);
  memory.lend(response);
  response.fields.add("x-short", "1");
  const std::size_t lent = memory_of(response);
  memory.leave_little(response);
  EXPECT_LT(memory_of(response), 64u);
  EXPECT_LT(memory_of(response), lent);
  ASSERT_EQ(response.fields.size(), 1u);
  EXPECT_EQ(response.fields.get("x-short"), "1");
  Response next;
  memory.lend(next);
  EXPECT_EQ(memory_of(next), lent);
}

TEST(AnswerMemory, DoesNotKeepWhatALargeAnswerTook) {
  AnswerMemory memory;
  Response response;
  response.fields.add("x-large", std::string(100'000, 'x'));
  memory.take_back(response);
  memory.lend(response);
  EXPECT_EQ(response.fields.memory(), 0u);
}

TEST(AnswerMemory, OutboxesToo) {
  AnswerMemory memory;
  Outbox outbox;
  outbox.text().append(kLong);
  const std::size_t used = outbox.memory();
  memory.take_back(outbox);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.memory(), 0u);
  memory.lend(outbox);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.memory(), used);
}

}  // namespace
}  // namespace sluice::http
