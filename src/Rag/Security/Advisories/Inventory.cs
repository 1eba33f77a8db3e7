using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyModel;
using Rag.Inference;

namespace Rag.Security.Advisories;

/// <summary>A part of what is shipped.</summary>
/// <param name="Kind"><c>library</c>, <c>framework</c> or <c>machine-learning-model</c>, as CycloneDX calls them.</param>
/// <param name="Hash">Algorithm and digest in hexadecimal; null where none is known.</param>
/// <param name="License">SPDX id; null where the list does not say.</param>
/// <param name="DependsOn">Names of others that it needs.</param>
internal sealed record InventoryPart(string Kind, string Name, string Version, (string Algorithm, string Hex)? Hash, string? License, IReadOnlyList<string> DependsOn)
{
    /// <summary>Package URL (package-url/purl-spec); a model that lies in the folder has none of a registry.</summary>
    public string Purl => Kind == Inventory.Model ? $"pkg:generic/{Uri.EscapeDataString(Name)}@{Uri.EscapeDataString(Version)}" : $"pkg:nuget/{Uri.EscapeDataString(Name)}@{Uri.EscapeDataString(Version)}";
}

/// <summary>What this product is made of, from the list that the compiler wrote beside it, and what it runs on.</summary>
internal sealed class Inventory(InferenceOptions inference)
{
    public const string Library = "library", Framework = "framework", Model = "machine-learning-model";

    private const string DepsFile = "rag.deps.json";

    public string Product => "rag-system";

    public string Version => typeof(Inventory).Assembly.GetName().Version!.ToString(3);

    /// <summary>Packages by name, frameworks, and the embedding model where it is a local one.</summary>
    public IReadOnlyList<InventoryPart> Parts()
    {
        var context = Read();
        var parts = context.RuntimeLibraries.Where(l => l.Type == "package").Select(l => new InventoryPart(
            Library, l.Name, l.Version, Sha512(l.Hash), null, [.. l.Dependencies.Select(d => d.Name).Order(StringComparer.OrdinalIgnoreCase)])).OrderBy(p => p.Name, StringComparer.OrdinalIgnoreCase).ToList();
        // As the advisories call them; the version is that which runs, not that which was compiled against.
        parts.Add(new(Framework, $"Microsoft.NETCore.App.Runtime.{RuntimeInformation.RuntimeIdentifier}", Environment.Version.ToString(3), null, "MIT", []));
        parts.Add(new(Framework, $"Microsoft.AspNetCore.App.Runtime.{RuntimeInformation.RuntimeIdentifier}", AspNetVersion(), null, "MIT", []));
        if (inference.Provider == InferenceOptions.Local && ModelFile() is { } file) parts.Add(OfModel(file));
        return parts;
    }

    private static DependencyContext Read()
    {
        string file = Path.Combine(AppContext.BaseDirectory, DepsFile);
        if (!File.Exists(file)) return DependencyContext.Default ?? throw new Foundation.RagException(Foundation.ErrorKind.NotFound, $"There is no {DepsFile} beside the program.", "Install the release as it is shipped: the list of its packages is a part of it.");
        using var reader = new DependencyContextJsonReader();
        using var stream = File.OpenRead(file);
        return reader.Read(stream);
    }

    private static (string, string)? Sha512(string? hash) => hash is not null && hash.StartsWith("sha512-", StringComparison.Ordinal) ? ("SHA-512", Convert.ToHexStringLower(Convert.FromBase64String(hash["sha512-".Length..]))) : null;

    private static string AspNetVersion()
    {
        string informational = System.Reflection.CustomAttributeExtensions.GetCustomAttribute<System.Reflection.AssemblyInformationalVersionAttribute>(typeof(Microsoft.AspNetCore.Http.HttpContext).Assembly)?.InformationalVersion ?? Environment.Version.ToString(3);
        return informational.Split('+')[0];
    }

    private string? ModelFile()
    {
        string folder = inference.ModelPath;
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*.onnx").Order(StringComparer.Ordinal).FirstOrDefault() : null;
    }

    private static InventoryPart OfModel(string file)
    {
        using var stream = File.OpenRead(file);
        string digest = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(stream));
        // Weights have no version but themselves.
        bool shipped = Path.GetFileName(Path.GetDirectoryName(file)) == "all-MiniLM-L6-v2";
        return new(Model, Path.GetFileNameWithoutExtension(file), digest[..12], ("SHA-256", digest), shipped ? "Apache-2.0" : null, []);
    }
}
