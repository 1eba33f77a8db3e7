using MailKit.Security;
using MimeKit;
using Rag.Diagnosis;
using Rag.Foundation;

namespace Rag.Incidents.Channels;

/// <summary>Section <c>Contacts</c>: who is told of incidents, and by which channels. What is left empty is not used.</summary>
internal sealed class ContactOptions : IValidatedOptions
{
    public string Section => "Contacts";

    public RoleOptions OnCallEngineer { get; set; } = new();

    public RoleOptions DevOpsTeam { get; set; } = new();

    public RoleOptions EngineeringManager { get; set; } = new();

    public SmtpOptions Smtp { get; set; } = new();

    /// <summary>Where PagerDuty takes events (Events API v2).</summary>
    public string PagerDutyUrl { get; set; } = "https://events.pagerduty.com/v2/enqueue";

    /// <summary>The most that one send may take, milliseconds.</summary>
    public int TimeoutMs { get; set; } = 10_000;

    /// <summary>The role as notifications name it, with its channels.</summary>
    public IReadOnlyDictionary<string, RoleOptions> Roles() => new Dictionary<string, RoleOptions>
    {
        ["on-call-engineer"] = OnCallEngineer,
        ["devops-team"] = DevOpsTeam,
        ["engineering-manager"] = EngineeringManager,
    };

    /// <summary>Where telling somebody speaks TLS. Slack's address is a secret, and not read for this.</summary>
    public IEnumerable<CertificateEnd> CertificateEnds()
    {
        if (Smtp is { Host.Length: > 0, Security: "starttls" or "tls" }) yield return new("smtp", Smtp.Host, Smtp.Port, Verified: true, Smtp: Smtp.Security == "starttls");
        foreach (var role in new[] { OnCallEngineer, DevOpsTeam, EngineeringManager })
        {
            foreach (var end in CertificateSource.Of("webhook", role.Webhook)) yield return end;
            if (role.PagerDutyRoutingKeyFile.Length > 0) foreach (var end in CertificateSource.Of("pagerduty", PagerDutyUrl)) yield return end;
        }
    }

    public IEnumerable<ConfigurationError> Validate()
    {
        foreach (var (name, role) in new[] { (nameof(OnCallEngineer), OnCallEngineer), (nameof(DevOpsTeam), DevOpsTeam), (nameof(EngineeringManager), EngineeringManager) })
        {
            foreach (var error in role.Validate($"{Section}:{name}")) yield return error;
            if (role.Email.Length > 0 && Smtp.Host.Length == 0) yield return new($"{Section}:Smtp:Host", "is empty, and e-mail is to be sent", "name the mail server");
        }
        foreach (var error in Smtp.Validate($"{Section}:Smtp")) yield return error;
        if (!IsHttp(PagerDutyUrl)) yield return new("Contacts:PagerDutyUrl", $"'{PagerDutyUrl}' is not an address", "leave it out, or write https://host/v2/enqueue");
        if (TimeoutMs is < 100 or > 60_000) yield return new("Contacts:TimeoutMs", $"{TimeoutMs} is out of range", "choose 100 to 60000");
    }

    public static bool IsHttp(string text) => Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https";
}

/// <summary>How one role is reached.</summary>
internal sealed class RoleOptions
{
    /// <summary>Addresses, separated by commas.</summary>
    public string Email { get; set; } = "";

    /// <summary>Address that JSON is posted to.</summary>
    public string Webhook { get; set; } = "";

    /// <summary>File with the secret that the webhook's posts are signed with.</summary>
    public string WebhookSecretFile { get; set; } = "";

    /// <summary>File with the routing key of a PagerDuty service.</summary>
    public string PagerDutyRoutingKeyFile { get; set; } = "";

    /// <summary>File with the address of an incoming webhook as Slack has it; the address is a secret.</summary>
    public string SlackUrlFile { get; set; } = "";

    /// <summary>The addresses of <see cref="Email"/>.</summary>
    public IEnumerable<MailboxAddress> Addresses() =>
        Email.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(MailboxAddress.Parse);

    public IEnumerable<ConfigurationError> Validate(string key)
    {
        foreach (string address in Email.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            if (!MailboxAddress.TryParse(address, out var parsed) || !parsed.Address.Contains('@')) yield return new($"{key}:Email", $"'{address}' is not an address", "write name@host, several with commas between");
        if (Webhook.Length > 0 && !ContactOptions.IsHttp(Webhook)) yield return new($"{key}:Webhook", $"'{Webhook}' is not an address", "write https://host/path, or leave it empty");
        foreach (var (name, file) in new[] { (nameof(WebhookSecretFile), WebhookSecretFile), (nameof(PagerDutyRoutingKeyFile), PagerDutyRoutingKeyFile), (nameof(SlackUrlFile), SlackUrlFile) })
            if (file.Length > 0 && !File.Exists(file)) yield return new($"{key}:{name}", $"names {file}, which does not exist", "create it, or leave the key out");
        if (SlackUrlFile.Length > 0 && File.Exists(SlackUrlFile) && !ContactOptions.IsHttp(Secrets.Read(SlackUrlFile))) yield return new($"{key}:SlackUrlFile", "holds no http(s) address", "write the address of the incoming webhook into it");
    }
}

/// <summary>The server that takes e-mail.</summary>
internal sealed class SmtpOptions
{
    public string Host { get; set; } = "";

    public int Port { get; set; } = 587;

    /// <summary><c>starttls</c> (needed), <c>tls</c> from the start, or <c>none</c>.</summary>
    public string Security { get; set; } = "starttls";

    public string User { get; set; } = "";

    public string PasswordFile { get; set; } = "";

    /// <summary>The sender's address.</summary>
    public string From { get; set; } = "";

    public SecureSocketOptions Socket => Security switch { "tls" => SecureSocketOptions.SslOnConnect, "none" => SecureSocketOptions.None, _ => SecureSocketOptions.StartTls };

    public IEnumerable<ConfigurationError> Validate(string key)
    {
        if (Port is < 1 or > 65_535) yield return new($"{key}:Port", $"{Port} is out of range", "choose 1 to 65535");
        if (Security is not ("starttls" or "tls" or "none")) yield return new($"{key}:Security", $"'{Security}' is not one", "choose starttls, tls or none");
        if (Host.Length > 0 && !(MailboxAddress.TryParse(From, out var from) && from.Address.Contains('@'))) yield return new($"{key}:From", $"'{From}' is not an address", "write the address that mail is sent from");
        if (PasswordFile.Length > 0 && !File.Exists(PasswordFile)) yield return new($"{key}:PasswordFile", $"names {PasswordFile}, which does not exist", "create it, or leave the key out");
        if (User.Length > 0 && PasswordFile.Length == 0) yield return new($"{key}:PasswordFile", "is empty, and there is a user", "name a file with the password");
        if (User.Length > 0 && Security == "none" && Host is not ("127.0.0.1" or "localhost" or "::1")) yield return new($"{key}:Security", "is none, and the password would go over the network in the clear", "choose starttls or tls");
    }
}

/// <summary>Secrets in files, read when they are used, so that a new one needs no restart.</summary>
internal static class Secrets
{
    public static string Read(string file) => File.ReadAllText(file).Trim();
}
