// For tests: authorizers that answer as told, and a thread to ask them on.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <vector>

#include "policy/authorizer.h"

namespace sluice::policy {

inline shape::Definition test_definition(const std::string& table, std::optional<std::string> where = {},
                                         std::map<unsigned, std::string> params = {},
                                         std::optional<std::string> columns = {}, std::optional<std::string> replica = {}) {
  shape::DefinitionText text;
  text.table = table;
  text.where = std::move(where);
  text.params = std::move(params);
  text.columns = std::move(columns);
  text.replica = std::move(replica);
  auto made = shape::Definition::make(text);
  if (!made) throw std::runtime_error(made.error().parameter + ": " + made.error().message);
  return *made;
}

// Gives its answers in turn, then the last one again; remembers what it was asked.
class FakeAuthorizer : public Authorizer {
 public:
  explicit FakeAuthorizer(std::deque<Decision> answers, std::string name = "fake")
      : answers_(std::move(answers)), name_(std::move(name)) {}
  explicit FakeAuthorizer(Decision answer, std::string name = "fake")
      : FakeAuthorizer(std::deque<Decision>{std::move(answer)}, std::move(name)) {}

  Task<Decision> authorize(const Principal&, const shape::Definition& asked) override {
    asked_.push_back(asked);
    Decision answer = answers_.front();
    if (answers_.size() > 1) answers_.pop_front();
    answer.authorizer = name_;
    co_return answer;
  }

  const std::vector<shape::Definition>& asked() const { return asked_; }

 private:
  std::deque<Decision> answers_;
  std::string name_;
  std::vector<shape::Definition> asked_;
};

// Runs until the decision is there.
inline Decision decide(Authorizer& authorizer, const Principal& principal, const shape::Definition& asked) {
  boost::asio::io_context context{1};
  std::optional<Decision> decision;
  boost::asio::co_spawn(context, authorizer.authorize(principal, asked), [&](std::exception_ptr error, Decision made) {
    EXPECT_FALSE(error);
    decision = std::move(made);
  });
  context.run();
  return decision.value();
}

}  // namespace sluice::policy
