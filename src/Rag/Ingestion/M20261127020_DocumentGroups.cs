using FluentMigrator;
using Rag.Storage;

namespace Rag.Ingestion;

/// <summary>Which groups a document is limited to, as a JSON array; null where it is for everybody who may read its collection.</summary>
[Migration(20261127020)]
public sealed class M20261127020_DocumentGroups : RecordMigration
{
    public override void Up() => Sql("ALTER TABLE documents ADD COLUMN groups TEXT NULL");
}
