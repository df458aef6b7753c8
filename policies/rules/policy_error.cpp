#include "policies/rules/policy_error.h"

namespace stepgate::policies::rules
{

std::string to_string(const PolicyError& error)
{
    std::string text = error.file;
    if (error.line > 0)
        text += ':' + std::to_string(error.line) + ':' + std::to_string(error.column);
    text += ": " + error.message;
    if (!error.hint.empty())
        text += "; " + error.hint;
    return text;
}

} // namespace stepgate::policies::rules
