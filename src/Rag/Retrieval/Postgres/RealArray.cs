using System.Data;
using Dapper;
using Npgsql;
using NpgsqlTypes;

namespace Rag.Retrieval.Postgres;

/// <summary>Numbers as one parameter, which pgvector casts: the driver needs to know nothing of the extension's types.</summary>
internal sealed class RealArray(float[] values) : SqlMapper.ICustomQueryParameter
{
    public void AddParameter(IDbCommand command, string name) =>
        command.Parameters.Add(new NpgsqlParameter(name, NpgsqlDbType.Array | NpgsqlDbType.Real) { Value = values });
}
