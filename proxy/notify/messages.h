#pragma once

#include "proxy/notify/notice.h"
#include "proxy/outbound/mail_message.h"

#include <string>

namespace stepgate::proxy::notify
{

/// `{"type": …, "timestamp": …, "data": {…}}`, as Standard Webhooks has it; openapi.yaml describes it.
[[nodiscard]] std::string webhook_body(const Notice& notice);

/// A message of blocks for an incoming webhook of Slack. &, < and > are written as Slack asks for, and nothing that
/// comes from outside is read as its markup.
[[nodiscard]] std::string slack_body(const Notice& notice);

/// An adaptive card in the envelope that a workflow webhook of Teams takes. Texts are runs, which know no markup.
[[nodiscard]] std::string teams_body(const Notice& notice);

[[nodiscard]] outbound::Mail mail_of(const Notice& notice, const std::string& to);

} // namespace stepgate::proxy::notify
