using Rag.Foundation;

namespace Rag.App;

/// <summary>Where settings come from, later before earlier: appsettings.json, environment (<c>RAG__Section__Key</c>), flags.</summary>
internal static class RagConfiguration
{
    public static IConfigurationRoot Load(IEnumerable<KeyValuePair<string, string?>> flags)
    {
        string file = Path.Combine(AppContext.BaseDirectory, "appsettings.json");
        try
        {
            return new ConfigurationBuilder()
                .AddJsonFile(file, optional: true)
                .AddJsonFile(Path.GetFullPath("appsettings.json"), optional: true)
                .AddEnvironmentVariables("RAG__")
                // A flag that is given twice means what it says last.
                .AddInMemoryCollection(flags.GroupBy(f => f.Key, StringComparer.OrdinalIgnoreCase).Select(g => g.Last()))
                .Build();
        }
        catch (Exception e) when (e is InvalidDataException or FormatException)
        {
            throw new RagException(ErrorKind.Invalid, $"appsettings.json cannot be read: {e.InnerException?.Message ?? e.Message}", "Mend the JSON.", e);
        }
    }

    /// <summary>A flag of the form Section:Key=value.</summary>
    public static KeyValuePair<string, string?> ParseFlag(string flag)
    {
        int at = flag.IndexOf('=', StringComparison.Ordinal);
        return at > 0 ? new(flag[..at], flag[(at + 1)..]) : throw new RagException(ErrorKind.Invalid, $"'{flag}' is not a setting.", "Write --set Section:Key=value.");
    }
}
