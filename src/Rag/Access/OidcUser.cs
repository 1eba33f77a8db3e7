using System.Security.Claims;

namespace Rag.Access;

/// <summary>A user as the provider's token names them.</summary>
internal sealed record OidcUser(string Subject, string Name, IReadOnlyList<string> Groups)
{
    private const int MaxGroups = 500, MaxChars = 256;

    /// <summary>Null where the token names nobody. Groups past their bound are left out, which takes rights and gives none.</summary>
    public static OidcUser? Of(ClaimsPrincipal principal, OidcOptions options)
    {
        if (principal.FindFirst("sub")?.Value is not { Length: > 0 and <= MaxChars } subject || subject.Any(char.IsControl)) return null;
        string name = (principal.FindFirst(options.NameClaim) ?? principal.FindFirst("preferred_username") ?? principal.FindFirst("email"))?.Value is { Length: > 0 } given ? given : subject;
        var groups = principal.FindAll(options.GroupsClaim).Select(c => c.Value).Where(g => g.Length is > 0 and <= MaxChars && !g.Any(char.IsControl)).Distinct().Order(StringComparer.Ordinal).Take(MaxGroups);
        return new(subject, string.Concat(name.Where(c => !char.IsControl(c)).Take(MaxChars)), [.. groups]);
    }
}
