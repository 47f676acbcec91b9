/*
 * x87_rows.h - every x87 instruction that works on registers, with its bytes: for test_x87*.c.
 *
 * R(id, opcode, modrm of the first form, 1 + highest i), M(id, opcode, ModRM.reg)
 */
#define X87_ROWS(R, M)                                                                                                 \
    M(FADD_M32, 0xD8, 0) M(FMUL_M32, 0xD8, 1) M(FCOM_M32, 0xD8, 2) M(FCOMP_M32, 0xD8, 3)                               \
    M(FSUB_M32, 0xD8, 4) M(FSUBR_M32, 0xD8, 5) M(FDIV_M32, 0xD8, 6) M(FDIVR_M32, 0xD8, 7)                              \
    R(FADD_ST0STi, 0xD8, 0xC0, 8) R(FMUL_ST0STi, 0xD8, 0xC8, 8) R(FCOM_STi, 0xD8, 0xD0, 8)                             \
    R(FCOMP_STi, 0xD8, 0xD8, 8) R(FSUB_ST0STi, 0xD8, 0xE0, 8) R(FSUBR_ST0STi, 0xD8, 0xE8, 8)                           \
    R(FDIV_ST0STi, 0xD8, 0xF0, 8) R(FDIVR_ST0STi, 0xD8, 0xF8, 8)                                                       \
    M(FLD_M32, 0xD9, 0) M(FST_M32, 0xD9, 2) M(FSTP_M32, 0xD9, 3) M(FLDCW, 0xD9, 5) M(FNSTCW, 0xD9, 7)                  \
    R(FLD_STi, 0xD9, 0xC0, 8) R(FXCH_STi, 0xD9, 0xC8, 8) R(FNOP, 0xD9, 0xD0, 1) R(FSTP_STi_D9, 0xD9, 0xD8, 8)          \
    R(FCHS, 0xD9, 0xE0, 1) R(FABS, 0xD9, 0xE1, 1) R(FTST, 0xD9, 0xE4, 1) R(FXAM, 0xD9, 0xE5, 1)                        \
    R(FLD1, 0xD9, 0xE8, 1) R(FLDL2T, 0xD9, 0xE9, 1) R(FLDL2E, 0xD9, 0xEA, 1) R(FLDPI, 0xD9, 0xEB, 1)                   \
    R(FLDLG2, 0xD9, 0xEC, 1) R(FLDLN2, 0xD9, 0xED, 1) R(FLDZ, 0xD9, 0xEE, 1)                                           \
    R(F2XM1, 0xD9, 0xF0, 1) R(FYL2X, 0xD9, 0xF1, 1) R(FPTAN, 0xD9, 0xF2, 1) R(FPATAN, 0xD9, 0xF3, 1)                   \
    R(FXTRACT, 0xD9, 0xF4, 1) R(FPREM1, 0xD9, 0xF5, 1) R(FDECSTP, 0xD9, 0xF6, 1) R(FINCSTP, 0xD9, 0xF7, 1)             \
    R(FPREM, 0xD9, 0xF8, 1) R(FYL2XP1, 0xD9, 0xF9, 1) R(FSQRT, 0xD9, 0xFA, 1) R(FSINCOS, 0xD9, 0xFB, 1)                \
    R(FRNDINT, 0xD9, 0xFC, 1) R(FSCALE, 0xD9, 0xFD, 1) R(FSIN, 0xD9, 0xFE, 1) R(FCOS, 0xD9, 0xFF, 1)                   \
    M(FIADD_M32, 0xDA, 0) M(FIMUL_M32, 0xDA, 1) M(FICOM_M32, 0xDA, 2) M(FICOMP_M32, 0xDA, 3)                           \
    M(FISUB_M32, 0xDA, 4) M(FISUBR_M32, 0xDA, 5) M(FIDIV_M32, 0xDA, 6) M(FIDIVR_M32, 0xDA, 7)                          \
    R(FCMOVB, 0xDA, 0xC0, 8) R(FCMOVE, 0xDA, 0xC8, 8) R(FCMOVBE, 0xDA, 0xD0, 8) R(FCMOVU, 0xDA, 0xD8, 8)               \
    R(FUCOMPP, 0xDA, 0xE9, 1)                                                                                          \
    M(FILD_M32, 0xDB, 0) M(FIST_M32, 0xDB, 2) M(FISTP_M32, 0xDB, 3) M(FLD_M80, 0xDB, 5) M(FSTP_M80, 0xDB, 7)           \
    R(FCMOVNB, 0xDB, 0xC0, 8) R(FCMOVNE, 0xDB, 0xC8, 8) R(FCMOVNBE, 0xDB, 0xD0, 8) R(FCMOVNU, 0xDB, 0xD8, 8)           \
    R(FNENI, 0xDB, 0xE0, 1) R(FNDISI, 0xDB, 0xE1, 1) R(FNCLEX, 0xDB, 0xE2, 1) R(FNINIT, 0xDB, 0xE3, 1)                 \
    R(FNSETPM, 0xDB, 0xE4, 1) R(FUCOMI, 0xDB, 0xE8, 8) R(FCOMI, 0xDB, 0xF0, 8)                                         \
    M(FADD_M64, 0xDC, 0) M(FMUL_M64, 0xDC, 1) M(FCOM_M64, 0xDC, 2) M(FCOMP_M64, 0xDC, 3)                               \
    M(FSUB_M64, 0xDC, 4) M(FSUBR_M64, 0xDC, 5) M(FDIV_M64, 0xDC, 6) M(FDIVR_M64, 0xDC, 7)                              \
    R(FADD_STiST0, 0xDC, 0xC0, 8) R(FMUL_STiST0, 0xDC, 0xC8, 8) R(FCOM_STi_DC, 0xDC, 0xD0, 8)                          \
    R(FCOMP_STi_DC, 0xDC, 0xD8, 8) R(FSUBR_STiST0, 0xDC, 0xE0, 8) R(FSUB_STiST0, 0xDC, 0xE8, 8)                        \
    R(FDIVR_STiST0, 0xDC, 0xF0, 8) R(FDIV_STiST0, 0xDC, 0xF8, 8)                                                       \
    M(FLD_M64, 0xDD, 0) M(FST_M64, 0xDD, 2) M(FSTP_M64, 0xDD, 3) M(FNSTSW_M16, 0xDD, 7)                                \
    R(FFREE_STi, 0xDD, 0xC0, 8) R(FXCH_STi_DD, 0xDD, 0xC8, 8) R(FST_STi, 0xDD, 0xD0, 8) R(FSTP_STi, 0xDD, 0xD8, 8)     \
    R(FUCOM_STi, 0xDD, 0xE0, 8) R(FUCOMP_STi, 0xDD, 0xE8, 8)                                                           \
    M(FIADD_M16, 0xDE, 0) M(FIMUL_M16, 0xDE, 1) M(FICOM_M16, 0xDE, 2) M(FICOMP_M16, 0xDE, 3)                           \
    M(FISUB_M16, 0xDE, 4) M(FISUBR_M16, 0xDE, 5) M(FIDIV_M16, 0xDE, 6) M(FIDIVR_M16, 0xDE, 7)                          \
    R(FADDP, 0xDE, 0xC0, 8) R(FMULP, 0xDE, 0xC8, 8) R(FCOMP_STi_DE, 0xDE, 0xD0, 8) R(FCOMPP, 0xDE, 0xD9, 1)            \
    R(FSUBRP, 0xDE, 0xE0, 8) R(FSUBP, 0xDE, 0xE8, 8) R(FDIVRP, 0xDE, 0xF0, 8) R(FDIVP, 0xDE, 0xF8, 8)                  \
    M(FILD_M16, 0xDF, 0) M(FIST_M16, 0xDF, 2) M(FISTP_M16, 0xDF, 3) M(FBLD, 0xDF, 4) M(FILD_M64, 0xDF, 5)              \
    M(FBSTP, 0xDF, 6) M(FISTP_M64, 0xDF, 7)                                                                            \
    R(FFREEP_STi, 0xDF, 0xC0, 8) R(FXCH_STi_DF, 0xDF, 0xC8, 8) R(FSTP_STi_DFD0, 0xDF, 0xD0, 8)                         \
    R(FSTP_STi_DFD8, 0xDF, 0xD8, 8) R(FNSTSW_AX, 0xDF, 0xE0, 1) R(FUCOMIP, 0xDF, 0xE8, 8) R(FCOMIP, 0xDF, 0xF0, 8)
