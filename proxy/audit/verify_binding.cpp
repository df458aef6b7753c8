#include "proxy/audit/verify_binding.h"

#include "challenge-web/challenges/base64url.h"
#include "challenge-web/challenges/digest.h"
#include "challenge-web/challenges/requirement.h"

#include <string_view>
#include <vector>

namespace stepgate::proxy::audit
{

namespace
{

namespace challenges = challenge_web::challenges;

std::vector<std::string> texts_of(const RecordView& record, std::string_view field)
{
    const auto items = record.list(field);
    return {items.begin(), items.end()};
}

policies::rules::Requirement requirement_of(const challenges::BoundFields& bound)
{
    policies::rules::Requirement requirement;
    requirement.level = static_cast<int>(bound.level);
    requirement.factors = bound.factors;
    if (!bound.approvers.empty())
        requirement.approvers = bound.approvers;
    requirement.approvals = static_cast<int>(bound.approvals);
    return requirement;
}

/// The name of the first field that differs; "": none does.
std::string_view differing_field(const RecordView& opened, const challenges::BoundFields& bound,
                                 const policies::rules::Requirement& requirement)
{
    if (opened.text("challenge") != bound.challenge)
        return "challenge";
    if (opened.user != bound.user)
        return "user";
    if (opened.session != bound.session)
        return "session";
    for (const auto& [name, value] : {std::pair<std::string_view, const std::string&>{"listener", bound.listener},
                                      {"database", bound.database},
                                      {"role", bound.role},
                                      {"client_address", bound.client_address},
                                      {"policy_revision", bound.policy_revision}})
        if (opened.text(name) != value)
            return name;
    const challenges::RecordedTexts recorded{texts_of(opened, "statements"), texts_of(opened, "parameters"),
                                             texts_of(opened, "premises")};
    if (challenges::recorded_digest(recorded) != bound.recorded)
        return "statement";
    if (texts_of(opened, "rules") != bound.rules)
        return "rules";
    if (texts_of(opened, "labels") != bound.labels)
        return "labels";
    if (opened.number("level") != bound.level)
        return "level";
    if (opened.number("approvals") != challenges::approvals_needed(requirement))
        return "approvals";
    if (opened.number("expires") != bound.expires_us / 1000)
        return "expires";
    return {};
}

} // namespace

std::optional<Binding> read_binding(const RecordView& opened)
{
    const auto input = challenges::base64url_decode(opened.text("digest_input"));
    if (!input)
        return std::nullopt;
    const auto bound = challenges::parse_digest_input(*input);
    if (!bound)
        return std::nullopt;
    Binding binding;
    binding.requirement = requirement_of(*bound);
    binding.reach = {bound->elevation_scope, bound->elevation_seconds, bound->elevation_count};
    binding.expires_ns = bound->expires_us * 1000;
    if (const auto field = differing_field(opened, *bound, binding.requirement); !field.empty())
        binding.wrong = "the digest stands for another " + std::string{field} + " than the record shows";
    return binding;
}

} // namespace stepgate::proxy::audit
