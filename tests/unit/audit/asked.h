#pragma once

#include "challenge-web/challenges/digest.h"
#include "challenge-web/challenges/requirement.h"
#include "proxy/audit/hash.h"
#include "proxy/audit/record.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace stepgate::proxy::audit
{

namespace challenges = challenge_web::challenges;

/// A challenge as the proxy records it.
class Asked
{
  public:
    explicit Asked(challenges::Question question, std::string id = "c") : question_(std::move(question))
    {
        const challenges::Nonce nonce{};
        const challenges::TimePoint expires{std::chrono::seconds{1'700'000'000}};
        const auto bytes = challenges::digest_input(question_, id, expires, nonce);
        input = to_base64url(as_bytes(bytes));
        digest = to_hex(challenges::sha256(bytes));
        const std::int64_t expires_ms =
            std::chrono::floor<std::chrono::milliseconds>(expires.time_since_epoch()).count();
        opened = {Type::challenge_opened, expires, question_.session, question_.user, {}};
        opened.fields = {{"challenge", id},
                         {"digest", digest},
                         {"digest_input", input},
                         {"listener", question_.listener},
                         {"database", question_.database},
                         {"role", question_.role},
                         {"client_address", question_.client_address},
                         {"statements", question_.recorded.statements},
                         {"parameters", question_.recorded.parameters},
                         {"premises", question_.recorded.premises},
                         {"level", std::int64_t{question_.verdict.requirement.level}},
                         {"approvals", std::int64_t{challenges::approvals_needed(question_.verdict.requirement)}},
                         {"rules", question_.verdict.rules},
                         {"labels", question_.verdict.labels},
                         {"policy_revision", question_.policy_revision},
                         {"expires", expires_ms}};
    }
    /// `opened` with other values; the last one of a key wins.
    [[nodiscard]] Record shown(std::vector<Field> others) const
    {
        Record record = opened;
        for (auto& field : others)
            record.fields.push_back(std::move(field));
        return record;
    }

    std::string digest, input;
    Record opened;

  private:
    challenges::Question question_;
};

} // namespace stepgate::proxy::audit
