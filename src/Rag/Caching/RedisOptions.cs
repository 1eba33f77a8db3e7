using System.Net;
using Rag.Foundation;

namespace Rag.Caching;

/// <summary>Section <c>Caching:Redis</c>: the second level, which replicas share.</summary>
internal sealed class RedisOptions
{
    /// <summary>The most that one question may wait for Redis, all its look-ups together.</summary>
    public const int MaxTimeoutMs = 50;

    private const string Section = "Caching:Redis";

    /// <summary>Servers as <c>host:port</c>, separated by commas: one, several of a cluster, or Sentinels. Empty: no Redis.</summary>
    public string? Endpoints { get; set; }

    /// <summary>Name of the primary that the Sentinels among <see cref="Endpoints"/> watch; absent where they are Redis servers.</summary>
    public string? ServiceName { get; set; }

    public string? User { get; set; }

    /// <summary>File with the password, surrounding white space left out.</summary>
    public string? PasswordFile { get; set; }

    /// <summary>The password itself, meant for the environment (<c>RAG__Caching__Redis__Password</c>); never logged or shown.</summary>
    public string? Password { get; set; }

    public bool Tls { get; set; }

    /// <summary>What every key of this product begins with.</summary>
    public string KeyPrefix { get; set; } = "rag:";

    /// <summary>The most that one question waits for Redis, all its look-ups together.</summary>
    public int TimeoutMs { get; set; } = MaxTimeoutMs;

    public bool Configured => !string.IsNullOrWhiteSpace(Endpoints);

    public IEnumerable<string> EndpointList => (Endpoints ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    public IEnumerable<ConfigurationError> Validate()
    {
        foreach (string endpoint in EndpointList)
            if (!IsEndpoint(endpoint)) yield return new($"{Section}:Endpoints", $"'{endpoint}' is not an endpoint", "write host:port, several separated by commas; user, password and TLS have keys of their own");
        if (TimeoutMs is < 5 or > MaxTimeoutMs) yield return new($"{Section}:TimeoutMs", $"{TimeoutMs} is out of range", $"choose 5 to {MaxTimeoutMs}");
        if (KeyPrefix.Length is < 1 or > 64 || !KeyPrefix.All(c => char.IsAsciiLetterOrDigit(c) || c is ':' or '.' or '_' or '-'))
            yield return new($"{Section}:KeyPrefix", $"'{KeyPrefix}' is not a key prefix", "choose 1 to 64 letters, digits, ':', '.', '_' or '-'");
        if (PasswordFile is not null && Password is not null) yield return new($"{Section}:PasswordFile", "and Caching:Redis:Password are both set", "leave one out");
        if (PasswordFile is not null && !File.Exists(PasswordFile)) yield return new($"{Section}:PasswordFile", $"names {PasswordFile}, which does not exist", "create it or leave the key out");
        if (User is not null && PasswordFile is null && Password is null) yield return new($"{Section}:User", "is set without a password", "set Caching:Redis:PasswordFile");
        if (!Configured && ServiceName is not null) yield return new($"{Section}:ServiceName", "is set without endpoints", "name the Sentinels in Caching:Redis:Endpoints");
    }

    /// <exception cref="IOException">The file cannot be read.</exception>
    public string? ReadPassword()
    {
        string? password = PasswordFile is null ? Password : File.ReadAllText(PasswordFile);
        return string.IsNullOrWhiteSpace(password) ? null : password.Trim();
    }

    private static bool IsEndpoint(string text)
    {
        if (IPEndPoint.TryParse(text, out _)) return true;
        int colon = text.LastIndexOf(':');
        string host = colon < 0 ? text : text[..colon];
        return Uri.CheckHostName(host) != UriHostNameType.Unknown && (colon < 0 || (ushort.TryParse(text[(colon + 1)..], out ushort port) && port > 0));
    }
}
