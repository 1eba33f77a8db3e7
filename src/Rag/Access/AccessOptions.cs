using System.Net;
using Rag.Foundation;

namespace Rag.Access;

/// <summary>Section <c>Access</c>.</summary>
internal sealed class AccessOptions : IValidatedOptions
{
    public const string Open = "open", Keys = "keys";

    public string Section => "Access";

    /// <summary><c>open</c>: whoever reaches the server may do everything, on loopback addresses only. <c>keys</c>: who asks shows a key, a token or a session.</summary>
    public string Mode { get; set; } = Open;

    /// <summary>Host names that are answered to, separated by commas. Empty: local ones in open mode, any in mode keys.</summary>
    public string AllowedHosts { get; set; } = "";

    /// <summary>Addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, separated by commas.</summary>
    public string TrustedProxies { get; set; } = "";

    /// <summary>How long a key holds unless it says otherwise, days.</summary>
    public int KeyDays { get; set; } = 90;

    /// <summary>The longest that a key may hold, days.</summary>
    public int MaxKeyDays { get; set; } = 366;

    /// <summary>How long this replica goes on with the keys, grants and sessions that it knows while the record is away, minutes.</summary>
    public int StaleLimitMinutes { get; set; } = 60;

    /// <summary>A file whose content seals the secrets of forms and sign-ins where they lie in the record; the same on every replica.</summary>
    public string SecretFile { get; set; } = "";

    public SessionOptions Sessions { get; set; } = new();

    public OidcOptions Oidc { get; set; } = new();

    public LimitOptions Limits { get; set; } = new();

    public bool IsOpen => Mode == Open;

    public IReadOnlyList<string> Hosts => Split(AllowedHosts);

    public IReadOnlyList<string> Proxies => Split(TrustedProxies);

    public IEnumerable<ConfigurationError> Validate()
    {
        if (Mode is not (Open or Keys)) yield return new("Access:Mode", $"'{Mode}' is not a mode", "use open or keys");
        foreach (string host in Hosts)
            if (Uri.CheckHostName(host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host.Trim('[', ']')) == UriHostNameType.Unknown)
                yield return new("Access:AllowedHosts", $"'{host}' is not a host name", "write names without scheme and port, such as rag.example.org or *.example.org, separated by commas");
        foreach (string proxy in Proxies)
            if (!IPAddress.TryParse(proxy, out _) && !IPNetwork.TryParse(proxy, out _)) yield return new("Access:TrustedProxies", $"'{proxy}' is not an address", "write addresses or networks such as 10.0.0.7 or 10.0.0.0/8, separated by commas");
        if (MaxKeyDays is < 1 or > 3_660) yield return new("Access:MaxKeyDays", $"{MaxKeyDays} is out of range", "choose 1 to 3660");
        if (KeyDays < 1 || KeyDays > MaxKeyDays) yield return new("Access:KeyDays", $"{KeyDays} is out of range", "choose 1 to Access:MaxKeyDays");
        if (StaleLimitMinutes is < 1 or > 1_440) yield return new("Access:StaleLimitMinutes", $"{StaleLimitMinutes} is out of range", "choose 1 to 1440");
        if (SecretFile.Length > 0 && !File.Exists(SecretFile)) yield return new("Access:SecretFile", $"there is no file {SecretFile}", "name a file that only this user may read, with 32 random bytes or more");
        if (Sessions.IdleMinutes is < 1 or > 1_440) yield return new("Access:Sessions:IdleMinutes", $"{Sessions.IdleMinutes} is out of range", "choose 1 to 1440");
        if (Sessions.Hours is < 1 or > 168) yield return new("Access:Sessions:Hours", $"{Sessions.Hours} is out of range", "choose 1 to 168");
        foreach (var error in Oidc.Validate().Concat(Limits.Validate())) yield return error;
    }

    internal static IReadOnlyList<string> Split(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}

/// <summary>Section <c>Access:Sessions</c>: of people who signed in to the pages.</summary>
internal sealed class SessionOptions
{
    /// <summary>A session that was not used this long is over, minutes.</summary>
    public int IdleMinutes { get; set; } = 60;

    /// <summary>The longest that a session may last, hours.</summary>
    public int Hours { get; set; } = 12;
}

/// <summary>Section <c>Access:Oidc</c>: single sign-on by OpenID Connect, for programs by token and for people by code flow.</summary>
internal sealed class OidcOptions
{
    /// <summary>The provider's address, which its tokens name as their issuer. Empty: no single sign-on.</summary>
    public string Authority { get; set; } = "";

    /// <summary>What tokens for this service name as their audience.</summary>
    public string Audience { get; set; } = "";

    /// <summary>This service's client at the provider, for the sign-in page. Empty: tokens only.</summary>
    public string ClientId { get; set; } = "";

    /// <summary>A file with the client's secret; without it the client is a public one, which PKCE protects.</summary>
    public string ClientSecretFile { get; set; } = "";

    /// <summary>The claim that holds the user's groups.</summary>
    public string GroupsClaim { get; set; } = "groups";

    /// <summary>The claim that holds the name that people know the user by.</summary>
    public string NameClaim { get; set; } = "name";

    /// <summary>Signature algorithms that are accepted, separated by commas.</summary>
    public string Algorithms { get; set; } = "RS256, ES256, PS256";

    /// <summary>What the sign-in page asks the provider for, separated by blanks.</summary>
    public string Scopes { get; set; } = "openid profile";

    public bool Configured => Authority.Length > 0;

    public bool SignsIn => Configured && ClientId.Length > 0;

    public IReadOnlyList<string> AlgorithmList => AccessOptions.Split(Algorithms);

    public IEnumerable<ConfigurationError> Validate()
    {
        if (!Configured)
        {
            if (ClientId.Length + Audience.Length > 0) yield return new("Access:Oidc:Authority", "is empty", "name the provider's address, such as https://login.example.org/realms/main");
            yield break;
        }
        if (!Uri.TryCreate(Authority, UriKind.Absolute, out var uri) || !(uri.Scheme == "https" || (uri.Scheme == "http" && uri.IsLoopback)))
            yield return new("Access:Oidc:Authority", $"'{Authority}' is not an address by https", "write it as https://login.example.org/realms/main; http is for loopback only");
        if (Audience.Length == 0) yield return new("Access:Oidc:Audience", "is empty", "give the audience that tokens for this service name");
        if (ClientSecretFile.Length > 0 && !File.Exists(ClientSecretFile)) yield return new("Access:Oidc:ClientSecretFile", $"there is no file {ClientSecretFile}", "name a file that only this user may read");
        // A key that everybody may read must never do as a shared secret, nor no signature as one.
        foreach (string algorithm in AlgorithmList)
            if (algorithm is not ("RS256" or "RS384" or "RS512" or "PS256" or "PS384" or "PS512" or "ES256" or "ES384" or "ES512"))
                yield return new("Access:Oidc:Algorithms", $"'{algorithm}' is not accepted", "use RS, PS or ES with 256, 384 or 512");
        if (AlgorithmList.Count == 0) yield return new("Access:Oidc:Algorithms", "is empty", "name one at least, such as RS256");
        if (!Scopes.Split(' ').Contains("openid")) yield return new("Access:Oidc:Scopes", "lacks openid", "write it as 'openid profile'");
    }
}

/// <summary>Section <c>Access:Limits</c>. Nothing is limited in open mode; 0 sets no limit.</summary>
internal sealed class LimitOptions
{
    /// <summary>Requests a minute of one key or user, on each replica.</summary>
    public int PerMinute { get; set; } = 600;

    /// <summary>Requests of one key or user that may come at once.</summary>
    public int Burst { get; set; } = 100;

    /// <summary>Questions and searches a day (UTC) of one key or user, all replicas together.</summary>
    public int QuestionsPerDay { get; set; }

    /// <summary>Requests a minute from one address, whoever they are, on each replica.</summary>
    public int AddressPerMinute { get; set; } = 3_000;

    /// <summary>Requests with a wrong key, token or session a minute from one address, on each replica.</summary>
    public int FailuresPerMinute { get; set; } = 20;

    public IEnumerable<ConfigurationError> Validate()
    {
        foreach (var (name, value) in new[] { (nameof(PerMinute), PerMinute), (nameof(QuestionsPerDay), QuestionsPerDay), (nameof(AddressPerMinute), AddressPerMinute) })
            if (value is < 0 or > 10_000_000) yield return new($"Access:Limits:{name}", $"{value} is out of range", "choose 1 to 10000000, or 0 for no limit");
        if (Burst is < 1 or > 1_000_000) yield return new("Access:Limits:Burst", $"{Burst} is out of range", "choose 1 to 1000000");
        if (FailuresPerMinute is < 1 or > 10_000) yield return new("Access:Limits:FailuresPerMinute", $"{FailuresPerMinute} is out of range", "choose 1 to 10000");
    }
}
