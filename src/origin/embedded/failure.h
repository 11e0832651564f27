// Why a request cannot be answered with data, in the protocol's terms (PROTOCOL section 2).
#pragma once

#include <string>

namespace sluice::origin::embedded {

struct Failure {
  enum class Kind {
    kBadRequest,   // 400: `field` of the request is wrong
    kBadSubset,    // 400: `field` of its subset is wrong
    kUnavailable,  // 503, for `retry_after_s`
  };
  Kind kind = Kind::kUnavailable;
  std::string field;  // kUnavailable: a code for programs
  std::string message;
  int retry_after_s = 0;

  bool operator==(const Failure&) const = default;
};

inline Failure bad_request(std::string field, std::string message) {
  return {Failure::Kind::kBadRequest, std::move(field), std::move(message), 0};
}
inline Failure bad_subset(std::string field, std::string message) {
  return {Failure::Kind::kBadSubset, std::move(field), std::move(message), 0};
}
inline Failure unavailable(std::string code, std::string message, int retry_after_s) {
  return {Failure::Kind::kUnavailable, std::move(code), std::move(message), retry_after_s};
}

// Nothing can be stored: what is there already is served.
inline Failure storage_full() {
  return unavailable("storage_full", "The storage for shapes cannot be written to", 10);
}

}  // namespace sluice::origin::embedded
