#include "proxy/session/redaction.h"

#include "policies/mysql/redact.h"
#include "policies/postgres/redact.h"
#include "proxy/audit/hash.h"

namespace stepgate::proxy::session
{

namespace challenges = challenge_web::challenges;

namespace
{

std::string parameter_text(const challenges::Parameter& parameter, bool sensitive, std::span<const std::byte> key)
{
    if (!parameter.value)
        return "NULL";
    const auto bytes = std::as_bytes(std::span{*parameter.value});
    if (sensitive)
        return policies::postgres::redaction_marker(bytes, key);
    return parameter.binary ? "\\x" + audit::to_hex(bytes) : *parameter.value;
}

} // namespace

std::string redacted_text(std::string_view dialect, std::string_view sql, std::span<const std::byte> key)
{
    if (dialect == "postgres")
        return policies::postgres::redact(sql, key);
    return policies::mysql::redact(sql, [key](std::string_view value) {
        return policies::postgres::redaction_marker(std::as_bytes(std::span{value}), key);
    });
}

challenges::RecordedTexts recorded_texts(const challenges::Question& question, std::span<const std::byte> key)
{
    challenges::RecordedTexts texts;
    for (const auto& statement : question.statements) {
        texts.statements.push_back(question.sensitive ? redacted_text(question.dialect, statement.sql, key)
                                                      : statement.sql);
        for (std::size_t i = 0; i < statement.parameters.size(); ++i)
            texts.parameters.push_back(std::to_string(texts.statements.size()) + ".$" + std::to_string(i + 1) + " = " +
                                       parameter_text(statement.parameters[i], question.sensitive, key));
        for (const auto& [name, value] : statement.premises)
            texts.premises.push_back(std::to_string(texts.statements.size()) + "." + name + " = " +
                                     parameter_text({.value = value}, question.sensitive, key));
    }
    return texts;
}

} // namespace stepgate::proxy::session
