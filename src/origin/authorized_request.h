// The only thing an origin serves.
//
// A value of this type is the proof that somebody who may decide has decided: its constructor is open to the gate (a
// grant or a named shape covers the request) and to the bare shape API (which holds the origin's own secret), and to
// nobody else. What it holds was parsed; no byte of a client's request line or fields comes with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "shape/request.h"

namespace sluice::gateway {
class Gate;
class OriginApi;
}  // namespace sluice::gateway

namespace sluice::origin {

enum class Verb { kGet, kHead, kPost, kDelete };

class AuthorizedRequest {
 public:
  const shape::Request& shape() const { return shape_; }
  Verb verb() const { return verb_; }
  // If-None-Match as the client sent it.
  const std::optional<std::string>& if_none_match() const { return if_none_match_; }

 private:
  friend class gateway::Gate;
  friend class gateway::OriginApi;
  AuthorizedRequest(shape::Request shape, Verb verb, std::optional<std::string> if_none_match)
      : shape_(std::move(shape)), verb_(verb), if_none_match_(std::move(if_none_match)) {}

  shape::Request shape_;
  Verb verb_;
  std::optional<std::string> if_none_match_;
};

}  // namespace sluice::origin
