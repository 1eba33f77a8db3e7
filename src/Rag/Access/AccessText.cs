using Rag.Foundation;

namespace Rag.Access;

/// <summary>Values of grants and keys as people write them, checked.</summary>
internal static class AccessText
{
    public const int MaxChars = 256, MaxGroups = 50;

    public static readonly IReadOnlyList<string> Roles = [.. Enum.GetNames<Role>().Select(r => r.ToLowerInvariant())];

    public static Role Role(string? text) => Roles.Contains(text ?? "") ? Enum.Parse<Role>(text!, ignoreCase: true)
        : throw new RagException(ErrorKind.Invalid, $"'{text}' is not a role.", $"Use one of {string.Join(", ", Roles)}.");

    /// <summary>Roles that may be limited to a collection.</summary>
    public static bool OfCollections(Role role) => role is Access.Role.Reader or Access.Role.Writer;

    /// <summary>A name in one line; control characters could forge lines where it is shown.</summary>
    public static string Line(string? text, string what)
    {
        string line = (text ?? "").Trim();
        if (line.Length == 0) throw new RagException(ErrorKind.Invalid, $"The {what} is missing.", $"Give the {what}.");
        if (line.Length > MaxChars) throw new RagException(ErrorKind.Invalid, $"The {what} has {line.Length} characters.", $"Use at most {MaxChars}.");
        return line.Any(char.IsControl) ? throw new RagException(ErrorKind.Invalid, $"The {what} has control characters.", "Write it in one line.") : line;
    }

    public static IReadOnlyList<string> Groups(IReadOnlyList<string>? groups)
    {
        var list = (groups ?? []).Select(g => Line(g, "group")).Distinct().Order(StringComparer.Ordinal).ToList();
        return list.Count <= MaxGroups ? list : throw new RagException(ErrorKind.Invalid, $"These are {list.Count} groups.", $"Use at most {MaxGroups}.");
    }

    public static string Show(Role role, string? collection) => collection is null ? Name(role) : $"{Name(role)}:{collection}";

    public static string Name(Role role) => role.ToString().ToLowerInvariant();
}
