using Rag.Access;

namespace Rag.Indexing;

/// <summary>
/// Who is shown a chunk, as the terms that every engine keeps beside it: one for everybody, or one for each group. Names of
/// groups stand behind a mark, so that none of them is the term for everybody; and no fact that a document says of itself
/// comes among them.
/// </summary>
internal static class AllowedTerms
{
    public const string Everybody = "*";

    private const string Mark = "=";

    /// <summary>Of a document limited to these groups; none is everybody.</summary>
    public static IReadOnlyList<string> Of(IReadOnlyList<string> groups) => groups.Count == 0 ? [Everybody] : [.. groups.Select(g => Mark + g)];

    /// <summary>A chunk that has one of these is shown; null where every chunk is.</summary>
    public static string[]? Of(ReadScope scope) => scope.Groups is null ? null : [Everybody, .. scope.Groups.Select(g => Mark + g)];
}
