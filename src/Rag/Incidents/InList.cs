using Dapper;

namespace Rag.Incidents;

/// <summary>
/// Several values of a column, in SQL that both engines have. Lists are cut into pieces of one length, the last one filled up
/// with its own last value, so that all statements read alike and are prepared once.
/// </summary>
internal static class InList
{
    private const int Length = 20;

    /// <summary>Stands in the SQL for the list.</summary>
    public static readonly string Sql = $"({string.Join(", ", Enumerable.Range(0, Length).Select(i => $"@p{i}"))})";

    public static IEnumerable<DynamicParameters> Pieces(IEnumerable<string> values)
    {
        foreach (string[] some in values.Distinct().Chunk(Length))
        {
            var parameters = new DynamicParameters();
            for (int i = 0; i < Length; i++) parameters.Add($"p{i}", some[Math.Min(i, some.Length - 1)]);
            yield return parameters;
        }
    }
}
