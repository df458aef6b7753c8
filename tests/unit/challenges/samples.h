#pragma once

#include "challenge-web/challenges/challenges.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace stepgate::challenge_web::challenges::samples
{

using namespace std::chrono_literals;

inline const TimePoint start{std::chrono::seconds{1'700'000'000}};

/// A DELETE without WHERE of alice, held by a level 1 rule.
inline Question question(int level = 1)
{
    Question out;
    out.user = "alice";
    out.session = "s1";
    out.listener = "shop-pg";
    out.database = "shop";
    out.role = "app";
    out.client_address = "10.0.0.7";
    out.application_name = "psql";
    out.dialect = "postgres";
    out.statements = {{"delete from orders", {}}};
    out.verdict.action = policies::rules::Action::challenge;
    out.verdict.requirement.level = level;
    out.verdict.rules = {"delete-without-where"};
    out.verdict.because = {"Deletes every row"};
    out.verdict.labels = {"pii"};
    out.policy_revision = "rev-1";
    return out;
}

inline Proof passkey(std::string user = "alice", bool verified = true, std::string credential = "key-1")
{
    Proof out;
    out.evidence = user + "/" + credential + (verified ? "/uv" : "");
    out.user = std::move(user);
    out.factor = "passkey";
    out.kind = "possession";
    out.phishing_resistant = true;
    out.user_verified = verified;
    out.credential = std::move(credential);
    return out;
}

inline Proof totp(std::string user = "alice", int step = 1, std::string credential = "app-1")
{
    Proof out;
    out.evidence = user + "/" + credential + "/" + std::to_string(step);
    out.user = std::move(user);
    out.factor = "totp";
    out.kind = "possession";
    out.credential = std::move(credential);
    return out;
}

inline Proof pin(std::string user = "alice")
{
    Proof out;
    out.evidence = user + "/pin";
    out.user = std::move(user);
    out.factor = "pin";
    out.kind = "knowledge";
    out.credential = "pin-1";
    return out;
}

/// Different bytes at every call, the same ones in every run.
inline RandomSource counting_random()
{
    auto next = std::make_shared<std::atomic<unsigned>>(1);
    return [next](std::span<std::byte> out) {
        unsigned state = next->fetch_add(1) * 2654435761u;
        for (auto& byte : out) {
            state = state * 1664525u + 1013904223u;
            byte = static_cast<std::byte>(state >> 24);
        }
        return true;
    };
}

} // namespace stepgate::challenge_web::challenges::samples
