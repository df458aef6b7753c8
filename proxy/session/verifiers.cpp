#include "proxy/session/verifiers.h"

namespace stepgate::proxy::session
{

Verifiers usable_verifiers(const WireUser& user)
{
    Verifiers out;
    if (user.disabled)
        return out;
    const auto add = [&](const std::string& text) {
        auto parsed = protocols::postgres::parse_verifier(text);
        if (!parsed)
            return;
        if (!out.all.empty() &&
            (parsed->salt != out.all.front().salt || parsed->iterations != out.all.front().iterations))
            return;
        out.all.push_back(std::move(*parsed));
        out.text += text;
        out.text += '\n';
    };
    add(user.verifier);
    for (const auto& text : user.more)
        add(text);
    return out;
}

} // namespace stepgate::proxy::session
