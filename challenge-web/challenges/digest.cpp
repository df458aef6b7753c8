#include "challenge-web/challenges/digest.h"

#include <openssl/sha.h>

#include <algorithm>
#include <iterator>
#include <limits>

namespace stepgate::challenge_web::challenges
{

namespace
{

using policies::rules::ElevationScope;

constexpr std::string_view challenge_domain = "stepgate-challenge-1";
constexpr std::string_view recorded_domain = "stepgate-recorded-1";
constexpr std::string_view statements_domain = "stepgate-statements-1";

// The names are part of the format: they stay as they are even where the rules' own names change.
std::string_view name_of(ElevationScope scope)
{
    switch (scope) {
    case ElevationScope::statement:
        return "statement";
    case ElevationScope::session:
        return "session";
    case ElevationScope::user_address:
        return "user_address";
    case ElevationScope::label:
        return "label";
    }
    return "unknown";
}

void put_u32(std::string& out, std::uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        out += static_cast<char>(value >> shift & 0xFF);
}

std::string u64(std::int64_t value)
{
    std::string out;
    put_u32(out, static_cast<std::uint32_t>(static_cast<std::uint64_t>(value) >> 32));
    put_u32(out, static_cast<std::uint32_t>(static_cast<std::uint64_t>(value) & 0xFFFFFFFF));
    return out;
}

// Messages are limited far below 4 GiB (64 MiB by default), so a length always fits.
void put_lp(std::string& out, std::string_view bytes)
{
    put_u32(out, static_cast<std::uint32_t>(bytes.size()));
    out += bytes;
}

void put(std::string& out, std::string_view name, std::string_view value)
{
    put_lp(out, name);
    put_lp(out, value);
}

std::string list(const std::vector<std::string>& items)
{
    std::string out;
    for (const auto& item : items)
        put_lp(out, item);
    return out;
}

// The reverse, over a view that shrinks; `good` goes false at the first thing that `digest_input` does not write.
struct Reader {
    std::string_view in;
    bool good = true;

    std::string_view lp()
    {
        if (in.size() < 4)
            return fail();
        std::uint32_t size = 0;
        for (int i = 0; i < 4; ++i)
            size = size << 8 | static_cast<unsigned char>(in[static_cast<std::size_t>(i)]);
        in.remove_prefix(4);
        if (in.size() < size)
            return fail();
        const auto out = in.substr(0, size);
        in.remove_prefix(size);
        return out;
    }
    std::string_view fail()
    {
        good = false;
        in = {};
        return {};
    }
    std::string_view field(std::string_view name)
    {
        if (lp() != name)
            return fail();
        return lp();
    }
    std::string text(std::string_view name) { return std::string{field(name)}; }
    std::int64_t number(std::string_view name)
    {
        const auto bytes = field(name);
        if (bytes.size() != 8) {
            fail();
            return 0;
        }
        std::uint64_t value = 0;
        for (const char c : bytes)
            value = value << 8 | static_cast<unsigned char>(c);
        return static_cast<std::int64_t>(value);
    }
    std::vector<std::string> list(std::string_view name)
    {
        Reader items{field(name)};
        std::vector<std::string> out;
        while (items.good && !items.in.empty())
            out.emplace_back(items.lp());
        if (!items.good)
            fail();
        return out;
    }
    Digest digest(std::string_view name)
    {
        const auto bytes = field(name);
        Digest out{};
        if (bytes.size() != out.size())
            fail();
        else
            std::transform(bytes.begin(), bytes.end(), out.begin(), [](char c) { return static_cast<std::byte>(c); });
        return out;
    }
};

} // namespace

Digest sha256(std::string_view bytes)
{
    Digest out{};
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
           reinterpret_cast<unsigned char*>(out.data()));
    return out;
}

Digest statement_commitment(const Nonce& nonce, std::span<const HeldStatement> statements)
{
    std::string in;
    put_lp(in, statements_domain);
    put_lp(in, bytes_of(nonce));
    put_u32(in, static_cast<std::uint32_t>(statements.size()));
    for (const auto& statement : statements) {
        put_lp(in, statement.sql);
        put_u32(in, static_cast<std::uint32_t>(statement.parameters.size()));
        for (const auto& parameter : statement.parameters) {
            put_u32(in, parameter.type_oid);
            put_u32(in, parameter.binary ? 1 : 0);
            put_u32(in, parameter.value ? 1 : 0);
            put_lp(in, parameter.value.value_or(""));
        }
        put_u32(in, static_cast<std::uint32_t>(statement.premises.size()));
        for (const auto& premise : statement.premises) {
            put_lp(in, premise.name);
            put_lp(in, premise.value);
        }
    }
    return sha256(in);
}

Digest recorded_digest(const RecordedTexts& recorded)
{
    std::string in;
    put_lp(in, recorded_domain);
    put_lp(in, list(recorded.statements));
    put_lp(in, list(recorded.parameters));
    put_lp(in, list(recorded.premises));
    return sha256(in);
}

std::string digest_input(const Question& question, const ChallengeId& id, TimePoint expires, const Nonce& nonce)
{
    const auto& verdict = question.verdict;
    const auto& elevation = verdict.elevation;
    std::string out;
    put_lp(out, challenge_domain);
    put(out, "challenge", id);
    put(out, "user", question.user);
    put(out, "session", question.session);
    put(out, "listener", question.listener);
    put(out, "database", question.database);
    put(out, "role", question.role);
    put(out, "client_address", question.client_address);
    put(out, "dialect", question.dialect);
    put(out, "commitment", bytes_of(statement_commitment(nonce, question.statements)));
    put(out, "recorded", bytes_of(recorded_digest(question.recorded)));
    put(out, "action", to_string(verdict.action));
    put(out, "level", u64(verdict.requirement.level));
    put(out, "factors", list(verdict.requirement.factors));
    put(out, "approvers", verdict.requirement.approvers.value_or(""));
    put(out, "approvals", u64(verdict.requirement.approvals));
    put(out, "rules", list(verdict.rules));
    put(out, "labels", list(verdict.labels));
    put(out, "elevation_scope", elevation ? name_of(elevation->scope) : "");
    put(out, "elevation_seconds", u64(elevation ? elevation->duration.count() : 0));
    if (elevation && elevation->scope == ElevationScope::statement) // there was none when the others were laid down
        put(out, "elevation_count", u64(elevation->count));
    put(out, "policy_revision", question.policy_revision);
    put(out, "expires_us",
        u64(std::chrono::duration_cast<std::chrono::microseconds>(expires.time_since_epoch()).count()));
    return out;
}

boost::system::result<BoundFields> parse_digest_input(std::string_view input)
{
    Reader in{input};
    if (in.lp() != challenge_domain)
        in.fail();
    BoundFields out;
    out.challenge = in.text("challenge");
    out.user = in.text("user");
    out.session = in.text("session");
    out.listener = in.text("listener");
    out.database = in.text("database");
    out.role = in.text("role");
    out.client_address = in.text("client_address");
    out.dialect = in.text("dialect");
    out.commitment = in.digest("commitment");
    out.recorded = in.digest("recorded");
    out.action = in.text("action");
    out.level = in.number("level");
    out.factors = in.list("factors");
    out.approvers = in.text("approvers");
    out.approvals = in.number("approvals");
    out.rules = in.list("rules");
    out.labels = in.list("labels");
    out.elevation_scope = in.text("elevation_scope");
    out.elevation_seconds = in.number("elevation_seconds");
    if (out.elevation_scope == name_of(ElevationScope::statement))
        out.elevation_count = in.number("elevation_count");
    out.policy_revision = in.text("policy_revision");
    out.expires_us = in.number("expires_us");
    if (!in.good || !in.in.empty())
        return errc::malformed_digest_input;
    return out;
}

} // namespace stepgate::challenge_web::challenges
