import io

import numpy as np
import pytest
from Bio import Align, Cluster, cpairwise2, motifs
from Bio.Align import _aligncore, _alignmentcounts, _codonaligner, _pairwisealigner, substitution_matrices
from Bio.Align.substitution_matrices import _arraycore
from Bio.Cluster import _cluster
from Bio.motifs import _pwm
from Bio.Nexus import Nexus, cnexus
from Bio.PDB import _bcif_helper, ccealign, kdtrees
from Bio.Seq import Seq
from Bio.SeqIO import _twoBitIO

MODULES = [
    *(_aligncore, _alignmentcounts, _codonaligner, _pairwisealigner, _arraycore, cpairwise2, cnexus, _pwm),
    *(_cluster, ccealign, kdtrees, _bcif_helper, _twoBitIO),
]


def test_compiled_parts_are_there():
    for module in MODULES:
        assert module.__file__.endswith(".so"), module


def test_alignment():
    aligner = Align.PairwiseAligner(match_score=1, mismatch_score=-1, open_gap_score=-2, extend_gap_score=-1)
    alignments = aligner.align("GATTACA", "GATACA")
    assert (alignments.score, len(alignments)) == (4.0, 2)
    assert [list(row) for row in alignments[0].aligned[0].tolist()] in ([[0, 2], [3, 7]], [[0, 3], [4, 7]])
    assert alignments[0].counts().identities == 6
    proteins = Align.PairwiseAligner(mode="local", substitution_matrix=substitution_matrices.load("BLOSUM62"))
    assert proteins.score("KEVLA", "EVL") == 5 + 4 + 4
    with pytest.raises(ValueError):
        proteins.score("KEV1", "EV")


def test_clusters():
    data = np.array([[1.0, 1.0], [1.1, 0.9], [8.0, 8.0], [8.1, 7.9]])
    found, error, _ = Cluster.kcluster(data, nclusters=2, npass=5)
    assert found[0] == found[1] != found[2] == found[3]
    assert error == pytest.approx(0.01, abs=0.03)
    tree = Cluster.treecluster(data)
    assert {frozenset((node.left, node.right)) for node in tree[:]} >= {frozenset((0, 1)), frozenset((2, 3))}


def test_neighbours():
    points = np.random.default_rng(3).random((200, 3)) * 20
    tree = kdtrees.KDTree(points, 10)
    near = {point.index for point in tree.search(np.array([10.0, 10.0, 10.0]), 5.0)}
    distances = np.linalg.norm(points - 10, axis=1)
    assert near == set(np.nonzero(distances <= 5)[0].tolist())
    assert near


def test_motif():
    motif = motifs.create([Seq("TACAA"), Seq("TACGA"), Seq("TACTA")])
    scores = motif.counts.normalize(pseudocounts=0.5).log_odds()
    found = scores.calculate(Seq("GGTACTAGG"))
    assert int(np.argmax(found)) == 2
    assert len(found) == 5


def test_nexus():
    text = (
        "#NEXUS\nbegin data;\ndimensions ntax=2 nchar=4;\nformat datatype=dna;\nmatrix\na ACGT\nb [no]AC-T\n;\nend;\n"
    )
    nexus = Nexus.Nexus(io.StringIO(text))
    assert (nexus.ntax, str(nexus.matrix["b"])) == (2, "AC-T")
