// What is said between Sluice and a user's own authorization API: http_authorizer.h is the manual. No I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "policy/authorizer.h"
#include "token/key.h"

namespace sluice::policy {

inline constexpr std::size_t kHttpAnswerBytesMax = 64 * 1024;
inline constexpr std::size_t kHttpReasonBytesMax = 256;

// The request's body.
std::string write_http_question(const Principal& principal, const shape::Definition& asked);

// The value of `sluice-signature`.
std::string http_signature(const token::Key& secret, std::int64_t timestamp_s, std::string_view body);

// A body that came with status 200; anything that is not exactly an answer is kFailed, and so is a shape that is not within
// what was asked for.
Decision read_http_answer(std::string_view body, const shape::Definition& asked);

}  // namespace sluice::policy
