using Rag.Foundation;

namespace Rag.Indexing;

/// <summary>Section <c>Indexing</c>.</summary>
internal sealed class IndexingOptions : IValidatedOptions
{
    public const string Local = "local", Postgres = "postgres";

    public string Section => "Indexing";

    /// <summary>
    /// Where questions are searched. <c>local</c>: in an index on this replica's disk. <c>postgres</c>: in the database
    /// that holds the record, for collections beyond one machine's memory.
    /// </summary>
    public string Engine { get; set; } = Local;

    /// <summary>The engine of the record, which <see cref="Engine"/> must fit.</summary>
    internal string StorageProvider { get; set; } = "sqlite";

    public IEnumerable<ConfigurationError> Validate()
    {
        if (Engine is not (Local or Postgres)) yield return new("Indexing:Engine", $"'{Engine}' is not a search engine of this release", "set it to local or postgres");
        if (Engine == Postgres && StorageProvider != "postgres")
            yield return new("Indexing:Engine", "postgres searches in the database that holds the record, which is not PostgreSQL here", "set Storage:Provider to postgres, or Indexing:Engine to local");
    }
}
