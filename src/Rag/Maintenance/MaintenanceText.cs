using Rag.Foundation;

namespace Rag.Maintenance;

/// <summary>Texts that people give to maintenance: one line each, which headers and PostgreSQL's text can hold.</summary>
internal static class MaintenanceText
{
    public const int MaxReasonChars = 500, MaxOwnerChars = 200;

    public static string Line(string? text, string what, int maxChars)
    {
        string line = string.Concat((text ?? "").Select(c => char.IsControl(c) ? ' ' : c)).Trim();
        return line.Length <= maxChars ? line : throw new RagException(ErrorKind.Invalid, $"'{what}' has {line.Length} characters.", $"Use at most {maxChars}.");
    }

    /// <exception cref="RagException">Invalid: there is none, or it is too long.</exception>
    public static string Reason(string? text) => Line(text, "reason", MaxReasonChars) is { Length: > 0 } reason ? reason
        : throw new RagException(ErrorKind.Invalid, "There is no reason.", "Say why in a few words: everybody who uses the service reads it.");

    /// <summary>Who answers for it: whoever is named, or whoever asks.</summary>
    public static string Owner(string? text) => Line(text, "owner", MaxOwnerChars) is { Length: > 0 } owner ? owner : Line(Audit.Actor.Current.Name, "owner", int.MaxValue);

    public static string Ascii(string text) => string.Concat(text.Select(c => c is >= ' ' and <= '~' ? c : '?'));
}
