using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Rag.Access;
using Rag.Foundation;

namespace Rag.Ingestion;

[JsonSerializable(typeof(List<string>))]
internal sealed partial class GroupsJson : JsonSerializerContext;

/// <summary>
/// The groups that a document is limited to: no groups is for everybody who may read the collection. Names are compared as
/// they stand, letter by letter.
/// </summary>
internal static class DocumentGroups
{
    public const int MaxGroups = 64, MaxNameChars = 128;

    private static readonly GroupsJson Json = new(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>What was given, each name once, in the order of their characters; null where nothing was given.</summary>
    /// <exception cref="RagException">Invalid: no name, too many, or one that is none. No groups at all is no way to say everybody.</exception>
    public static IReadOnlyList<string>? Given(IEnumerable<string?>? groups)
    {
        if (groups is null) return null;
        var names = groups.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        if (names.Count == 0) throw new RagException(ErrorKind.Invalid, "The list of groups is empty.", "Name the groups that may read the document; leave the list out, or say everybody, where it is for all.");
        if (names.Count > MaxGroups) throw new RagException(ErrorKind.Invalid, $"The document is limited to {names.Count} groups; at most {MaxGroups} are kept.", "Make one group of several where people are known: in the directory.");
        foreach (string? name in names)
            if (!IsName(name)) throw new RagException(ErrorKind.Invalid, $"'{Shown(name)}' is not the name of a group.", $"Use 1 to {MaxNameChars} characters, none of them a control character, and no blank at either end.");
        return names!;
    }

    /// <summary>Names in a field of a form: one to a line.</summary>
    public static IEnumerable<string> Lines(string field) => field.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    public static bool IsName(string? name) =>
        name is { Length: > 0 and <= MaxNameChars } && !name.Any(char.IsControl) && !char.IsWhiteSpace(name[0]) && !char.IsWhiteSpace(name[^1]);

    /// <summary>As the record keeps them; null for everybody.</summary>
    public static string? ToJson(IReadOnlyList<string> groups) => groups.Count == 0 ? null : JsonSerializer.Serialize([.. groups], Json.ListString);

    public static IReadOnlyList<string> Parse(string? json) => json is null ? [] : JsonSerializer.Deserialize(json, Json.ListString)!;

    /// <summary>For people.</summary>
    public static string Describe(IReadOnlyList<string> groups) => groups.Count == 0 ? "everybody" : string.Join(", ", groups);

    /// <summary>What a scope has as a JSON array, for <see cref="Storage.SqlDialect.TextItems"/>; null where everything is shown.</summary>
    public static string? ToJson(ReadScope scope) => scope.Groups is null ? null : JsonSerializer.Serialize([.. scope.Groups.Where(IsName)], Json.ListString);

    private static string Shown(string? name) => name is null ? "" : name.Length <= MaxNameChars ? new string([.. name.Select(c => char.IsControl(c) ? '?' : c)]) : name[..MaxNameChars] + "…";
}
