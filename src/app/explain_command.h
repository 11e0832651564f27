// `sluice explain` and `sluice check`: who may read what under a configuration, and why.
#pragma once

#include <string>

namespace sluice::app {

struct ExplainOptions {
  std::string config;
  std::string token;     // `-` reads standard input
  std::string claims;    // a JSON object
  std::string identity;  // with claims; empty: the first [[identity]]
  std::string shape;     // a shape request's query string
  std::string named;     // a [[shape]]'s name
  bool json = false;
};

// Prints the explanation. 0 where the request would be allowed, 1 where not.
int explain_request(const ExplainOptions& options);

// Holds the configuration against a file of expected decisions:
//
//   [[case]]
//   name = "members read their organisation's items"
//   claims = '{"sub": "alice", "org_id": 1}'      # or token = "…"; neither: nobody
//   identity = "app"                              # with claims; the first [[identity]] where left out
//   shape = "table=items"                         # or named = "items"; shape is then the rest of its query
//   expect = "allow"                              # or "deny"
//   status = 403                                  # optional, as the next three: what must be so as well
//   authorizer = "rules"
//   line = 12
//   upstream = "columns=…&table=…"                # the canonical shape that would be asked for
//
// Prints each case that is not as expected, and "N passed, N failed". 0 where all are, 1 where not. Throws
// std::runtime_error where a file cannot be used.
struct CheckOptions {
  std::string config;
  std::string cases;
};
int check_cases(const CheckOptions& options);

}  // namespace sluice::app
