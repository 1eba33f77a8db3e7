using k8s.Models;

namespace Rag.Testing.Kubernetes;

/// <summary>A pod that an object makes.</summary>
/// <param name="Serves">Whether it goes on; a job ends, and needs no probes.</param>
public sealed record PodTemplate(Manifest Owner, IDictionary<string, string> Labels, V1PodSpec Spec, bool Serves);

public static class PodTemplates
{
    public static IEnumerable<PodTemplate> Of(IEnumerable<Manifest> manifests)
    {
        foreach (var manifest in manifests)
            switch (manifest.Typed)
            {
                case V1Deployment d: yield return Of(manifest, d.Spec.Template, true); break;
                case V1StatefulSet s: yield return Of(manifest, s.Spec.Template, true); break;
                case V1CronJob c: yield return Of(manifest, c.Spec.JobTemplate.Spec.Template, false); break;
                case V1DaemonSet or V1Job or V1Pod: throw new FormatException($"{manifest}: nobody looks at pods of this kind yet; add it to {nameof(PodTemplates)}.");
            }
    }

    private static PodTemplate Of(Manifest owner, V1PodTemplateSpec template, bool serves) => new(owner, template.Metadata?.Labels ?? new Dictionary<string, string>(), template.Spec, serves);
}
